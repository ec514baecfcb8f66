//! The kernel's own count of aborted connections.
//!
//! A test that only looked at the bytes that arrived could pass by luck: the peer
//! may have read fast enough. These counters say whether the kernel destroyed a
//! connection, in this namespace, whoever did it.

use std::fs;

/// Counters of one network namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelCounters {
    /// `TcpExt: TCPAbortOnClose`: closed with data unread (`__tcp_close`).
    pub abort_on_close: u64,
    /// `TcpExt: TCPAbortOnData`: data for a closed socket (`tcp_rcv_state_process`).
    pub abort_on_data: u64,
    /// `Tcp: EstabResets`: connections that went from open to closed at once,
    /// whoever sent the reset.
    pub connections_reset: u64,
    /// `Tcp: OutRsts`: resets sent, for whatever reason. With hundreds of
    /// connections on two processors there are a few natively too: an ACK that
    /// another one has overtaken meets a socket in TIME_WAIT, whose answer finds
    /// nobody, and that is answered with a reset.
    pub resets_sent: u64,
}

impl KernelCounters {
    /// Counters of the namespace that process `pid` is in.
    pub fn of(pid: u32) -> Self {
        let netstat = read(pid, "netstat");
        let snmp = read(pid, "snmp");
        Self {
            abort_on_close: value(&netstat, "TcpExt:", "TCPAbortOnClose"),
            abort_on_data: value(&netstat, "TcpExt:", "TCPAbortOnData"),
            connections_reset: value(&snmp, "Tcp:", "EstabResets"),
            resets_sent: value(&snmp, "Tcp:", "OutRsts"),
        }
    }

    /// What was counted since `before`.
    pub fn since(self, before: Self) -> Self {
        Self {
            abort_on_close: self.abort_on_close - before.abort_on_close,
            abort_on_data: self.abort_on_data - before.abort_on_data,
            connections_reset: self.connections_reset - before.connections_reset,
            resets_sent: self.resets_sent - before.resets_sent,
        }
    }

    /// Whether no connection was destroyed. Of a single one, not even a stray
    /// reset is to be seen.
    pub fn are_clean(self, connections: usize) -> bool {
        self.aborts() == 0 && self.connections_reset == 0 && (connections > 1 || self.resets_sent == 0)
    }

    /// Connections destroyed by a close, of either kind.
    pub fn aborts(self) -> u64 {
        self.abort_on_close + self.abort_on_data
    }
}

fn read(pid: u32, file: &str) -> String {
    let path = format!("/proc/{pid}/net/{file}");
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Both files have a line of names and a line of values for each group.
fn value(text: &str, group: &str, name: &str) -> u64 {
    let mut lines = text.lines().filter(|line| line.starts_with(group));
    let names = lines.next().expect("a line of names").split_whitespace();
    let values = lines.next().expect("a line of values").split_whitespace();
    let (_, found) = names.zip(values).find(|(candidate, _)| *candidate == name).expect("a counter of that name");
    found.parse().expect("a number")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_name() {
        let text = "Ip: A B\nIp: 1 2\nTcp: InSegs OutRsts\nTcp: 10 20\n";
        assert_eq!(value(text, "Tcp:", "OutRsts"), 20);
    }
}

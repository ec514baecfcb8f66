//! What the kernel says about sockets, threads and descriptors, and waiting
//! until it says something else.

use crate::DEADLINE;
use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

/// The state of a listener, as `/proc/net/tcp` numbers states (`include/net/tcp_states.h`).
pub const LISTEN: u8 = 0x0A;

/// One line of `/proc/net/tcp` or `tcp6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Socket {
    /// Local port.
    pub port: u16,
    /// State, as numbered by the kernel.
    pub state: u8,
    /// Inode; 0 when no process holds it any more.
    pub inode: u64,
    /// Time left until its timer expires, whichever timer that is.
    pub timer: Duration,
}

impl Socket {
    /// Every TCP socket in the network namespace of process `pid`.
    pub fn all(pid: u32) -> Vec<Self> {
        ["tcp", "tcp6"]
            .iter()
            .filter_map(|file| fs::read_to_string(format!("/proc/{pid}/net/{file}")).ok())
            .flat_map(|text| text.lines().skip(1).filter_map(Self::parse).collect::<Vec<_>>())
            .collect()
    }

    /// Fields: number, local, remote, state, queues, timer, retransmits, uid,
    /// timeout, inode.
    fn parse(line: &str) -> Option<Self> {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (_, port) = fields.get(1)?.rsplit_once(':')?;
        Some(Self {
            port: u16::from_str_radix(port, 16).ok()?,
            state: u8::from_str_radix(fields.get(3)?, 16).ok()?,
            inode: fields.get(9)?.parse().ok()?,
            timer: Self::ticks(fields.get(5)?)?,
        })
    }

    /// Kind and time left, in `USER_HZ`, which is 100 for every program.
    fn ticks(timer: &str) -> Option<Duration> {
        let (_, left) = timer.split_once(':')?;
        Some(Duration::from_millis(u64::from_str_radix(left, 16).ok()? * 10))
    }

    /// A connection of the server on `port` that some process still holds.
    pub fn is_held_by_server(&self, port: u16) -> bool {
        self.port == port && self.inode != 0 && self.state != LISTEN
    }

    /// Whether it waits for connections to `port`.
    pub fn listens_on(&self, port: u16) -> bool {
        self.port == port && self.state == LISTEN
    }
}

/// Why a hook cannot look at every process of this machine. `None` where it can.
pub fn cannot_look() -> Option<&'static str> {
    if fs::read_dir("/proc/1/fd").is_err() {
        Some("needs the right to look at every process")
    } else {
        is_crowded().then_some("this machine has more processes than a hook may look at")
    }
}

/// Whether there are more descriptors than a hook can look at in its two milliseconds: it takes 1
/// µs for each, and some more for each process.
fn is_crowded() -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.path().join("fd"));
    processes.filter_map(|numbers| fs::read_dir(numbers).ok()).map(|numbers| 5 + numbers.count()).sum::<usize>() > 1000
}

/// Number of threads of process `pid`.
pub fn threads(pid: u32) -> usize {
    fs::read_dir(format!("/proc/{pid}/task")).map_or(0, |tasks| tasks.count())
}

/// Descriptors of process `pid`: number and kind, where the kind has no inode in
/// it and so can be compared between two runs (`socket`, `pipe`, `anon_inode`,
/// or a path).
pub fn descriptors(pid: u32) -> BTreeMap<i32, String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return BTreeMap::new() };
    entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let number = entry.file_name().to_str()?.parse().ok()?;
            let target = fs::read_link(entry.path()).ok()?.to_string_lossy().into_owned();
            let kind = if target.contains(":[") { target.split(':').next()?.to_owned() } else { target };
            Some((number, kind))
        })
        .collect()
}

/// Asks `condition` again and again until it holds, and answers whether it did
/// before `patience` ran out. For states of the kernel that no event announces.
pub fn becomes_true(patience: Duration, mut condition: impl FnMut() -> bool) -> bool {
    let until = Instant::now() + patience;
    loop {
        if condition() {
            return true;
        }
        if Instant::now() >= until {
            return false;
        }
        std::thread::park_timeout(Duration::from_millis(5));
    }
}

/// Waits until `condition` holds, or fails the test after the usual deadline.
pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    assert!(becomes_true(DEADLINE, condition), "did not come true in {DEADLINE:?}: {what}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_proc_net_tcp_is_understood() {
        let line = "   1: 0100007F:1F90 0100007F:C001 01 00000000:00000000 03:0000176F 00000000  0  0 4242 1 0";
        let timer = Duration::from_millis(59_990);
        assert_eq!(Socket::parse(line), Some(Socket { port: 8080, state: 1, inode: 4242, timer }));
        assert!(Socket::parse(line).unwrap().is_held_by_server(8080));
    }
}

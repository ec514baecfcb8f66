//! The kernel's own counters of such resets, in all network namespaces: they say how many there were, and not whose.

use super::namespaces;
use std::collections::HashMap;
use std::fs;

/// The counters, by their names in `/proc/net/netstat`.
pub const COUNTERS: [&str; 4] = ["TCPAbortOnClose", "TCPAbortOnData", "TCPAbortOnLinger", "TCPAbortOnMemory"];

/// The values of [`COUNTERS`].
pub type Values = [u64; COUNTERS.len()];

/// The counters of each namespace at one time.
#[derive(Clone, Debug, Default)]
pub struct Netstat(HashMap<u64, Values>);

impl Netstat {
    /// The counters now.
    pub fn now() -> Self {
        let read = |pid| fs::read_to_string(format!("/proc/{pid}/net/netstat")).unwrap_or_default();
        Self(namespaces::all().map(|(namespace, pid)| (namespace, values(&read(pid)))).collect())
    }

    /// How much they have grown since `then`, in the namespaces that were there at both times.
    pub fn since(&self, then: &Self) -> Values {
        let mut sum = Values::default();
        for (namespace, before) in &then.0 {
            let Some(now) = self.0.get(namespace) else { continue };
            for (at, place) in sum.iter_mut().enumerate() {
                *place += now[at].saturating_sub(before[at]);
            }
        }
        sum
    }
}

/// Reads `/proc/net/netstat`: a line of names, then a line of numbers.
fn values(text: &str) -> Values {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("TcpExt: "));
    let (names, numbers) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let all: HashMap<_, _> = names.split(' ').zip(numbers.split(' ')).collect();
    COUNTERS.map(|name| all.get(name).and_then(|number| number.parse().ok()).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str =
        "TcpExt: A TCPAbortOnData TCPAbortOnClose B\nTcpExt: 1 20 300 4\nIpExt: TCPAbortOnMemory\nIpExt: 9\n";

    #[test]
    fn counters_are_found_by_their_names() {
        assert_eq!(values(TEXT), [300, 20, 0, 0]);
        assert_eq!(values(""), [0; 4]);
    }

    #[test]
    fn only_what_was_there_before_has_grown() {
        let of = |all: &[(u64, Values)]| Netstat(all.iter().copied().collect());
        let (then, now) = (of(&[(1, [1; 4]), (2, [9; 4])]), of(&[(1, [3; 4]), (3, [50; 4])]));
        assert_eq!(now.since(&then), [2; 4]);
    }
}

//! Numbers and states in words.

use super::measure::{Ending, Run};
use super::packet::End;
use super::scenario::RESPONSE;
use shim_tests::proc::Socket;
use std::time::Duration;

/// A duration, in the unit that needs only a few digits.
pub fn duration(time: Duration) -> String {
    match time.as_micros() {
        0..1_000 => format!("{} µs", time.as_micros()),
        1_000..1_000_000 => format!("{} ms", time.as_millis()),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// A number of bytes, with its digits in groups of three.
pub fn bytes(count: usize) -> String {
    let digits = count.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().map(|group| std::str::from_utf8(group).unwrap()).collect();
    groups.join(",")
}

/// How much of the response arrived, in words.
pub fn delivered(run: &Run) -> String {
    if run.is_whole() { "all".to_owned() } else { format!("{} %", run.report.received * 100 / RESPONSE) }
}

/// How the connection ended for the peer, in words.
pub fn ending(ending: Ending) -> &'static str {
    match ending {
        Ending::Fin => "the end",
        Ending::Reset => "a reset",
        Ending::Timeout => "nothing",
    }
}

/// The FINs and RSTs that this end sent, in words.
pub fn sent(run: &Run, from: End) -> String {
    let several = |name: &str, count: usize| match count {
        0 => None,
        1 => Some(name.to_owned()),
        more => Some(format!("{name} ×{more}")),
    };
    let all = [several("FIN", run.fins(from)), several("RST", run.resets(from))];
    let all: Vec<String> = all.into_iter().flatten().collect();
    if all.is_empty() { "–".to_owned() } else { all.join(", ") }
}

/// The states of the sockets that both kernels keep, in words.
pub fn kept(run: &Run) -> String {
    let one = |end: End| run.kept_by(end).map(|socket| format!("{}: {}", end.name(), state(socket)));
    let both: Vec<String> = End::BOTH.into_iter().filter_map(one).collect();
    if both.is_empty() { "–".to_owned() } else { both.join("; ") }
}

/// The state of a socket, and how long it will last if it ends by itself.
pub fn state(socket: &Socket) -> String {
    const NAMES: [&str; 12] = [
        "",
        "ESTABLISHED",
        "SYN_SENT",
        "SYN_RECV",
        "FIN_WAIT1",
        "FIN_WAIT2",
        "TIME_WAIT",
        "CLOSE",
        "CLOSE_WAIT",
        "LAST_ACK",
        "LISTEN",
        "CLOSING",
    ];
    let name = NAMES.get(usize::from(socket.state)).unwrap_or(&"?");
    match (*name, socket.inode) {
        ("TIME_WAIT" | "FIN_WAIT2", 0) => format!("{name}, {} s", socket.timer.as_secs_f64().round()),
        _ => (*name).to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_readable() {
        assert_eq!([0, 999, 1000, 262_144, 1_048_576].map(bytes), ["0", "999", "1,000", "262,144", "1,048,576"]);
        let times = [7, 7_000, 7_250_000].map(Duration::from_micros);
        assert_eq!(times.map(duration), ["7 µs", "7 ms", "7.2 s"]);
    }

    #[test]
    fn a_state_that_ends_by_itself_says_when() {
        let socket = Socket { port: 1, state: 6, inode: 0, timer: Duration::from_millis(59_730) };
        assert_eq!(state(&socket), "TIME_WAIT, 60 s");
        assert_eq!(state(&Socket { state: 8, inode: 7, ..socket }), "CLOSE_WAIT");
    }
}

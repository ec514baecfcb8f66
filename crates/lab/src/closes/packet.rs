//! A captured packet; `src/bin/tap.rs` captures.

use super::link;
use shim_tests::arena::Arena;
use shim_tests::built::helper;
use shim_tests::program::Program;
use std::net::Ipv4Addr;
use std::process::Command;

/// One end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum End {
    /// The program that closes.
    Program,
    /// Its peer.
    Peer,
}

impl End {
    /// Both.
    pub const BOTH: [Self; 2] = [Self::Program, Self::Peer];

    /// Its name in a table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Program => "program",
            Self::Peer => "peer",
        }
    }
}

/// A TCP packet, as the program's side saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet {
    /// Nanoseconds of `CLOCK_REALTIME`.
    pub time: i128,
    /// Who sent it.
    pub from: End,
    /// Whether it opens the connection.
    pub syn: bool,
    /// Whether it ends its direction.
    pub fin: bool,
    /// Whether it ends the connection.
    pub rst: bool,
    /// Bytes of payload.
    pub payload: usize,
}

impl Packet {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.strip_prefix("packet ")?.split(' ').collect();
        let [time, source, flags, payload] = words[..] else { return None };
        let has = |flag| flags.contains(flag);
        let from = if source.parse::<Ipv4Addr>().ok()? == link::PROGRAM { End::Program } else { End::Peer };
        let payload = payload.parse().ok()?;
        Some(Self { time: time.parse().ok()?, from, syn: has('S'), fin: has('F'), rst: has('R'), payload })
    }
}

/// A capture at work.
pub struct Tap(Program);

impl Tap {
    /// Starts to capture in `arena`.
    pub fn start(arena: &Arena) -> Self {
        let mut program = arena.start(Command::new(helper("tap")));
        program.expect("tap ready");
        Self(program)
    }

    /// All that was captured, in the order of time.
    pub fn packets(self) -> Vec<Packet> {
        let finished = self.0.finish();
        assert!(finished.stderr.is_empty(), "{finished:#?}");
        let mut packets: Vec<_> = finished.stdout.iter().filter_map(|line| Packet::parse(line)).collect();
        packets.sort_by_key(|packet| packet.time);
        packets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_capture_is_understood() {
        let packet = Packet { time: 17, from: End::Peer, syn: false, fin: true, rst: false, payload: 5 };
        assert_eq!(Packet::parse("packet 17 10.77.0.2 FA 5"), Some(packet));
        assert_eq!(Packet::parse("tap ready"), None);
    }
}

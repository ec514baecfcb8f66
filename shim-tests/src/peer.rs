//! The other end of a victim's connection: a process that follows a script.
//!
//! A peer must be a process of its own: it blocks in `send` while the victim
//! blocks elsewhere, it must not be shimmed, and it lives in the arena. The
//! program is `src/bin/peer`; this is how a test writes its script.

use crate::arena::Arena;
use crate::built::helper;
use crate::program::Program;
use crate::shim::Shim;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::Duration;

/// How reading ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With the victim's FIN.
    Eof,
    /// With a reset.
    Reset,
    /// It did not end before the deadline.
    TimedOut,
    /// The script did not read to the end.
    Unread,
}

/// What became of the upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Upload {
    /// Every byte of the script was accepted.
    Done,
    /// A write failed with ECONNRESET or EPIPE.
    Refused,
    /// A write did not end before the deadline.
    TimedOut,
}

/// What one connection of a peer saw.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Bytes of the response.
    pub received: usize,
    /// Bytes that the peer's kernel accepted.
    pub sent: usize,
    /// How reading ended.
    pub end: End,
    /// How writing ended.
    pub upload: Upload,
    /// Whether every received byte was the right one.
    pub intact: bool,
}

impl Report {
    /// Whether the whole response arrived, in order and with a clean end.
    pub fn has_all_of(&self, response: usize) -> bool {
        self.received == response && self.intact && self.end == End::Eof
    }

    fn among(lines: &[String]) -> Option<Self> {
        lines.iter().find_map(|line| line.strip_prefix("report ")).map(Self::parse)
    }

    /// Reads what follows `report ` in a line of the peer.
    pub fn parse(words: &str) -> Self {
        let field = |name: &str| {
            let found = words.split_whitespace().find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
            found.unwrap_or_else(|| panic!("no {name} in the report {words:?}"))
        };
        Self {
            received: field("received").parse().expect("a number"),
            sent: field("sent").parse().expect("a number"),
            intact: field("content") == "good",
            end: match field("end") {
                "eof" => End::Eof,
                "reset" => End::Reset,
                "timeout" => End::TimedOut,
                _ => End::Unread,
            },
            upload: match field("upload") {
                "done" => Upload::Done,
                "timeout" => Upload::TimedOut,
                _ => Upload::Refused,
            },
        }
    }
}

/// Reports of many connections: each different report once, with the number of connections that had
/// it. Two hundred equal lines would hide the one that matters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tally(pub Vec<(Report, usize)>);

impl Tally {
    /// Counts `reports`.
    pub fn of(reports: &[Report]) -> Self {
        let mut kinds: Vec<(Report, usize)> = Vec::new();
        for report in reports {
            match kinds.iter_mut().find(|(kind, _)| kind == report) {
                Some((_, count)) => *count += 1,
                None => kinds.push((*report, 1)),
            }
        }
        Self(kinds)
    }

    /// Whether this is true of every report.
    pub fn all(&self, condition: impl Fn(&Report) -> bool) -> bool {
        self.0.iter().all(|(kind, _)| condition(kind))
    }
}

/// A script: where to connect, then what to do, step by step.
#[derive(Clone, Debug)]
pub struct Peer {
    words: Vec<String>,
    copies: usize,
}

impl Peer {
    /// Connects to the victim that listens on `port` of 127.0.0.1.
    pub fn to(port: u16) -> Self {
        Self { words: vec![format!("to={port}")], copies: 1 }
    }

    /// Listens, for a victim that is a client. [`Program::port`] says where.
    pub fn listening() -> Self {
        Self { words: vec!["listen".to_owned()], copies: 1 }
    }

    /// The address that it connects to or listens on, instead of 127.0.0.1.
    pub fn host(self, address: Ipv4Addr) -> Self {
        self.then(format!("host={address}"))
    }

    /// How long the peer waits for anything, instead of its usual 20 seconds.
    pub fn patience(self, patience: Duration) -> Self {
        self.then(format!("patience={}", patience.as_millis()))
    }

    fn then(mut self, word: impl Into<String>) -> Self {
        self.words.push(word.into());
        self
    }

    /// Uses IPv6.
    pub fn ipv6(self) -> Self {
        self.then("ipv6")
    }

    /// Uses MPTCP.
    pub fn mptcp(self) -> Self {
        self.then("mptcp")
    }

    /// Sets its `SO_RCVBUF` before it connects.
    pub fn receive_buffer(self, bytes: usize) -> Self {
        self.then(format!("rcvbuf={bytes}"))
    }

    /// Sets its `SO_SNDBUF` before it connects.
    pub fn send_buffer(self, bytes: usize) -> Self {
        self.then(format!("sndbuf={bytes}"))
    }

    /// Runs the script on `copies` connections at once.
    pub fn copies(mut self, copies: usize) -> Self {
        self.copies *= copies;
        self.then(format!("copies={copies}"))
    }

    /// Runs the script `rounds` times on each copy, one connection after the other, and reports
    /// each connection.
    pub fn rounds(mut self, rounds: usize) -> Self {
        self.copies *= rounds;
        self.then(format!("rounds={rounds}"))
    }

    /// Sends a line.
    pub fn say(self, line: &str) -> Self {
        self.then(format!("say={line}"))
    }

    /// Asks a victim for `response` bytes, which it sends when it has `unread`
    /// bytes in its receive queue; see `read_request` in `victims/victim.h`.
    pub fn ask(self, response: usize, unread: usize) -> Self {
        self.say(&format!("GO {response} {unread}"))
    }

    /// Sends `bytes` bytes without reading.
    pub fn upload(self, bytes: usize) -> Self {
        self.then(format!("upload={bytes}"))
    }

    /// From now on sends one byte every `millis`, whatever else it does.
    pub fn drip(self, millis: u64) -> Self {
        self.then(format!("drip={millis}"))
    }

    /// Sends without end, until a write fails.
    pub fn firehose(self) -> Self {
        self.then("firehose")
    }

    /// From now on sends without end, whatever else it does.
    pub fn pour(self) -> Self {
        self.then("pour")
    }

    /// Reads exactly `bytes` bytes of the response.
    pub fn read(self, bytes: usize) -> Self {
        self.then(format!("read={bytes}"))
    }

    /// Reads to the end.
    pub fn read_to_end(self) -> Self {
        self.then("read")
    }

    /// Reads to the end, a few KiB every `pause`.
    pub fn read_slowly(self, pause: Duration) -> Self {
        self.then(format!("slowly={}", pause.as_millis()))
    }

    /// Does nothing for `time`.
    pub fn rest(self, time: Duration) -> Self {
        self.then(format!("rest={}", time.as_millis()))
    }

    /// Asks an HTTP server for `response` bytes by `POST /response`, and announces a body of
    /// `upload` bytes.
    pub fn post(self, response: usize, upload: usize) -> Self {
        let head = self.say(&format!("POST /{response} HTTP/1.1\r")).say("Host: 127.0.0.1\r");
        head.say(&format!("Content-Length: {upload}\r")).say("\r")
    }

    /// Reads the head of an HTTP response. The head does not count as received.
    pub fn head(self) -> Self {
        self.then("head")
    }

    /// Waits for a word of the test: [`Program::go`] or [`Program::release`].
    pub fn wait(self) -> Self {
        self.then("wait")
    }

    /// Tells the test a word; see [`Program::expect`].
    pub fn tell(self, word: &str) -> Self {
        self.then(format!("tell={word}"))
    }

    /// Half-closes.
    pub fn fin(self) -> Self {
        self.then("fin")
    }

    /// Starts it in `arena`.
    pub fn start(&self, arena: &Arena) -> RunningPeer {
        RunningPeer { program: arena.start(self.command()), copies: self.copies }
    }

    /// The command that runs the script. It is never shimmed.
    pub fn command(&self) -> Command {
        let mut command = Command::new(helper("peer"));
        Shim::Native.dress(&mut command);
        command.args(&self.words);
        command
    }
}

/// A peer at work.
pub struct RunningPeer {
    program: Program,
    copies: usize,
}

impl RunningPeer {
    /// The process.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Lets every copy that waits go on.
    pub fn go(&mut self) {
        self.program.go();
    }

    /// Waits until every copy has told `word`.
    #[track_caller]
    pub fn told(&mut self, word: &str) {
        for _ in 0..self.copies {
            self.program.expect(word);
        }
    }

    /// Waits for the reports of all connections.
    #[track_caller]
    pub fn reports(&mut self) -> Vec<Report> {
        (0..self.copies).map(|_| Report::parse(&self.program.expect("report "))).collect()
    }

    /// Waits for the reports of all connections, counted.
    #[track_caller]
    pub fn tally(&mut self) -> Tally {
        Tally::of(&self.reports())
    }

    /// Lets go of every connection that still waits, and waits until the process
    /// is gone: whatever it had open is closed then.
    #[track_caller]
    pub fn leave(mut self) {
        self.program.release();
        self.program.exit();
    }

    /// As [`RunningPeer::leave`], and answers the report of the only connection, even if it was
    /// read before.
    #[track_caller]
    pub fn finish(self) -> Report {
        let finished = self.program.finish();
        Report::among(&finished.stdout).unwrap_or_else(|| panic!("a peer without a report: {finished:#?}"))
    }

    /// Waits for the report of the only connection.
    #[track_caller]
    pub fn report(&mut self) -> Report {
        let reports = self.reports();
        assert_eq!(reports.len(), 1);
        reports[0]
    }
}

//! The main scenario: a response that is larger than any window, a request that
//! is not read, and a peer that uploads before it reads.
//!
//! Natively the kernel destroys the response, and counts that. With the shim
//! every byte and a clean end arrive, and nothing is counted.

use crate::arena::Arena;
use crate::counters::KernelCounters;
use crate::peer::{Peer, Report, RunningPeer, Tally, Upload};
use crate::proc::becomes_true;
use crate::program::{Exit, Finished, Program};
use crate::shim::Shim;
use crate::victim::Victim;
use crate::{RESPONSE, UNREAD, UPLOAD};
use std::time::Duration;

/// How long a run waits for a `softclose-drain`. Some of them have peers that never end.
const FINISHED_IN: Duration = Duration::from_secs(3);

/// How long a peer rests that reads late.
const LATE: Duration = Duration::from_millis(500);

/// When the peer uploads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum UploadTime {
    /// At once. The victim closes with some bytes of the request unread.
    BeforeClose,
    /// When the victim says `closed`. Nothing was unread at the close.
    AfterClose,
}

/// One victim and what it is put through.
#[derive(Clone, Debug)]
pub struct Gauntlet {
    victim: Victim,
    response: usize,
    unread: usize,
    upload: usize,
    copies: usize,
    receive_buffer: Option<usize>,
    order: UploadTime,
    ipv6: bool,
    mptcp: bool,
    victim_connects: bool,
    http: bool,
    reads_late: bool,
    is_counted: bool,
    exit: Exit,
}

/// What one run came to.
#[derive(Clone, Debug)]
pub struct GauntletRun {
    /// What the connections saw.
    pub reports: Tally,
    /// What the kernel counted.
    pub counters: KernelCounters,
    /// What the victim left behind.
    pub finished: Finished,
}

impl Gauntlet {
    /// The main scenario for `victim`.
    pub fn of(victim: Victim) -> Self {
        Self {
            victim,
            response: RESPONSE,
            unread: UNREAD,
            upload: UPLOAD,
            copies: 1,
            receive_buffer: None,
            order: UploadTime::BeforeClose,
            ipv6: false,
            mptcp: false,
            victim_connects: false,
            http: false,
            reads_late: false,
            is_counted: false,
            exit: Exit::Code(0),
        }
    }

    /// Many connections at once. Each is smaller, but no response fits the window of its peer.
    pub fn at_once(mut self, copies: usize) -> Self {
        self.copies = copies;
        self.response = 256 << 10;
        self.unread = 16 << 10;
        self.upload = 64 << 10;
        self.receive_buffer = Some(32 << 10);
        self
    }

    /// Several connections at once, each with a response of the full size.
    pub fn copies(mut self, copies: usize) -> Self {
        self.copies = copies;
        self
    }

    /// The peer uploads `bytes` instead.
    pub fn upload(mut self, bytes: usize) -> Self {
        self.upload = bytes;
        self
    }

    /// Nothing is unread at the close, and the peer sends later.
    pub fn after_close(mut self) -> Self {
        self.order = UploadTime::AfterClose;
        self.unread = 0;
        self
    }

    /// The peer connects over IPv6. The victim listens there by itself.
    pub fn ipv6(mut self) -> Self {
        self.ipv6 = true;
        self
    }

    /// The peer connects over MPTCP. The victim listens there by itself. Less is unread, so that it fits into the
    /// window of MPTCP on every kernel: on Linux 6.12 that holds some bytes less than [`UNREAD`], and a victim that
    /// waits for more, by recv with MSG_PEEK and MSG_WAITALL, goes round in the kernel for ever.
    pub fn mptcp(mut self) -> Self {
        self.mptcp = true;
        self.unread = UNREAD / 2;
        self
    }

    /// The victim is the client: it gets a port as its last argument.
    pub fn victim_connects(mut self) -> Self {
        self.victim_connects = true;
        self
    }

    /// The victim is an HTTP server, which the peer asks as [`Peer::post`] does.
    pub fn http(mut self) -> Self {
        self.http = true;
        self
    }

    /// The peer rests before it reads. A victim that takes its time between its response and the close could
    /// otherwise, on a slow machine, close when all has arrived already: natively nothing would be lost.
    pub fn reads_late(mut self) -> Self {
        self.reads_late = true;
        self
    }

    /// Runs in an arena in which the kernel's own count of references is installed.
    pub fn counted(mut self) -> Self {
        self.is_counted = true;
        self
    }

    /// The exit status that the victim must end with.
    pub fn exits_with(mut self, status: i32) -> Self {
        self.exit = Exit::Code(status);
        self
    }

    /// Runs the victim natively, where the response must be lost, and shimmed, where it must
    /// arrive.
    pub fn prove(&self, test: &str) {
        self.loses(test, Shim::Native);
        self.delivers(test);
    }

    /// Runs the victim shimmed: the response must arrive.
    pub fn delivers(&self, test: &str) {
        if let Some(outcome) = self.run(test, Shim::Preloaded) {
            self.assert_delivered(&outcome);
        }
    }

    /// Runs the victim natively, or with a shim that was told not to act: the response must be
    /// lost.
    pub fn loses(&self, test: &str, shim: Shim) {
        if let Some(outcome) = self.run(test, shim) {
            self.assert_lost(&outcome);
        }
    }

    /// Runs the victim once; `None` where there can be no arena.
    pub fn run(&self, test: &str, shim: Shim) -> Option<GauntletRun> {
        let arena = if self.is_counted { Arena::counted_or_skip(test)? } else { Arena::or_skip(test)? };
        let before = arena.counters();
        let (victim, reports) =
            if self.victim_connects { self.as_client(&arena, shim) } else { self.as_server(&arena, shim) };
        let finished = victim.finish();
        // What was held at the end is over a little later; the counters show it by then.
        becomes_true(FINISHED_IN, || arena.finishers().is_empty());
        Some(GauntletRun { reports, counters: arena.counters().since(before), finished })
    }

    fn as_server(&self, arena: &Arena, shim: Shim) -> (Program, Tally) {
        let mut victim = self.victim.start(arena, shim);
        let peer = self.peer(Peer::to(victim.port())).start(arena);
        let reports = self.reports(&mut victim, peer);
        (victim, reports)
    }

    fn as_client(&self, arena: &Arena, shim: Shim) -> (Program, Tally) {
        let mut peer = self.peer(Peer::listening()).start(arena);
        let port = peer.program().port();
        let mut victim = self.victim.clone().arg(port.to_string()).start(arena, shim);
        let reports = self.reports(&mut victim, peer);
        (victim, reports)
    }

    fn reports(&self, victim: &mut Program, mut peer: RunningPeer) -> Tally {
        if self.order == UploadTime::AfterClose {
            victim.expect("closed");
            peer.go();
        }
        peer.tally()
    }

    fn peer(&self, peer: Peer) -> Peer {
        let peer = if self.ipv6 { peer.ipv6() } else { peer };
        let peer = if self.mptcp { peer.mptcp() } else { peer };
        let peer = self.receive_buffer.into_iter().fold(peer, Peer::receive_buffer);
        let peer = if self.copies > 1 { peer.copies(self.copies) } else { peer };
        if self.http {
            return peer.post(self.response, self.upload).upload(self.upload).head().read_to_end();
        }
        let peer = peer.ask(self.response, self.unread).upload(self.unread);
        let peer = if self.order == UploadTime::AfterClose { peer.wait() } else { peer };
        let peer = peer.upload(self.upload);
        let peer = if self.reads_late { peer.rest(LATE) } else { peer };
        peer.read_to_end()
    }

    /// Every byte has arrived with a clean end, and the kernel has counted no abort and no reset.
    pub fn assert_delivered(&self, outcome: &GauntletRun) {
        let whole = |report: &Report| report.has_all_of(self.response) && report.upload == Upload::Done;
        assert!(outcome.reports.all(whole), "not everything arrived\n{outcome:#?}");
        assert!(outcome.counters.are_clean(self.copies), "the kernel aborted a connection\n{outcome:#?}");
        self.assert_ended_well(outcome);
    }

    /// The loss is real: bytes are missing, and the kernel says that it aborted.
    /// MPTCP resets its subflows without counting an abort.
    pub fn assert_lost(&self, outcome: &GauntletRun) {
        let whole = |report: &Report| report.has_all_of(self.response);
        assert!(!outcome.reports.all(whole), "nothing was lost\n{outcome:#?}");
        let counted = if self.mptcp { outcome.counters.resets_sent } else { outcome.counters.aborts() };
        assert!(counted >= 1, "the kernel counted nothing\n{outcome:#?}");
        self.assert_ended_well(outcome);
    }

    fn assert_ended_well(&self, outcome: &GauntletRun) {
        assert_eq!(outcome.finished.exit, self.exit, "{:#?}", outcome.finished);
        assert!(outcome.finished.stderr.is_empty(), "{:#?}", outcome.finished);
    }
}

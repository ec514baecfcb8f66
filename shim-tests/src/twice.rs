//! Runs natively and shimmed, whose results must be the same.

use crate::arena::Arena;
use crate::peer::{Peer, Tally};
use crate::program::{Exit, Finished, Program};
use crate::shim::Shim;
use crate::victim::Victim;

/// Runs `scenario` natively, then shimmed, each in an arena of its own, and
/// answers both results. `None` where there can be no arena.
pub fn twice<T>(test: &str, scenario: impl FnMut(&Arena, Shim) -> T) -> Option<(T, T)> {
    twice_in(|| Arena::or_skip(test), scenario)
}

fn twice_in<T>(open: impl Fn() -> Option<Arena>, mut scenario: impl FnMut(&Arena, Shim) -> T) -> Option<(T, T)> {
    let mut run = |shim| open().map(|arena| scenario(&arena, shim));
    Some((run(Shim::Native)?, run(Shim::Preloaded)?))
}

/// As [`twice`], and the test fails if the results are not equal. Answers the result.
#[track_caller]
pub fn alike<T: PartialEq + std::fmt::Debug>(test: &str, scenario: impl FnMut(&Arena, Shim) -> T) -> Option<T> {
    equal(twice(test, scenario)?)
}

#[track_caller]
fn equal<T: PartialEq + std::fmt::Debug>((native, shimmed): (T, T)) -> Option<T> {
    assert_eq!(native, shimmed, "native on the left, shimmed on the right");
    Some(native)
}

/// Runs a victim that needs no peer. What it prints must be the same in both runs, and it must end
/// with status 0. Answers what it printed. If it prints `unsupported: REASON`, `test` is skipped by
/// name.
#[track_caller]
pub fn same_transcript(test: &str, victim: &Victim) -> Option<Finished> {
    let (native, shimmed) = twice(test, |arena, shim| victim.start(arena, shim).finish())?;
    if let Some(reason) = unsupported(&native) {
        crate::skip(test, reason);
        return None;
    }
    assert_eq!(native, shimmed, "native on the left, shimmed on the right: {victim:?}");
    assert_eq!(native.exit, Exit::Code(0), "{native:#?}");
    Some(native)
}

/// The victim prints exactly these lines, natively and shimmed; or `unsupported: REASON`, as in
/// [`same_transcript`].
#[track_caller]
pub fn says(test: &str, victim: &Victim, expected: &[&str]) {
    if let Some(finished) = same_transcript(test, victim) {
        assert_eq!(finished.stdout, expected, "{finished:#?}");
    }
}

/// As [`says`], in an arena in which the kernel's own count of references is installed.
#[track_caller]
pub fn says_counted(test: &str, victim: &Victim, expected: &[&str]) {
    let both = twice_in(|| Arena::counted_or_skip(test), |arena, shim| victim.start(arena, shim).finish());
    let Some(finished) = both.and_then(equal) else { return };
    match unsupported(&finished) {
        Some(reason) => crate::skip(test, reason),
        None => assert_eq!(finished.stdout, expected, "{finished:#?}"),
    }
}

/// Why the victim cannot show what it is for on this machine.
fn unsupported(finished: &Finished) -> Option<&str> {
    finished.stdout.iter().find_map(|line| line.strip_prefix("unsupported: "))
}

/// When the test tells a victim's helper to go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cue {
    /// Never.
    None,
    /// When the victim said `closed`.
    Closed,
    /// When the victim's first process has ended.
    Ended,
}

/// A victim that keeps its connection in use after a close of another copy. Its peer takes the
/// response in two halves. The response must arrive whole, natively and shimmed, and nothing may be
/// reset.
#[derive(Clone, Debug)]
pub struct Service {
    victim: Victim,
    response: usize,
    copies: usize,
    cue: Cue,
    is_counted: bool,
}

impl Service {
    /// One connection and a response of the usual size.
    pub fn of(victim: Victim) -> Self {
        Self { victim, response: crate::RESPONSE, copies: 1, cue: Cue::None, is_counted: false }
    }

    /// `copies` connections at once, with a response of `response` bytes on each.
    pub fn copies(mut self, copies: usize, response: usize) -> Self {
        self.copies = copies;
        self.response = response;
        self
    }

    /// Runs in an arena in which the kernel's own count of references is installed.
    pub fn counted(mut self) -> Self {
        self.is_counted = true;
        self
    }

    /// The test lets the helper go on when the victim has said `closed`.
    pub fn when_closed(mut self) -> Self {
        self.cue = Cue::Closed;
        self
    }

    /// The test lets the helper go on when the victim's first process has ended.
    pub fn when_ended(mut self) -> Self {
        self.cue = Cue::Ended;
        self
    }

    /// Runs it natively and shimmed.
    pub fn prove(&self, test: &str) {
        let open = || if self.is_counted { Arena::counted_or_skip(test) } else { Arena::or_skip(test) };
        let seen = twice_in(open, |arena, shim| self.run(arena, shim)).and_then(equal);
        let Some((reports, finished, clean)) = seen else { return };
        assert!(reports.all(|report| report.has_all_of(self.response)), "{reports:#?}\n{finished:#?}");
        assert!(clean, "the kernel aborted a connection\n{reports:#?}\n{finished:#?}");
        assert_eq!(finished.exit, Exit::Code(0), "{finished:#?}");
    }

    /// Plays the peer of `respond_in_two` in `victims/victim.h`.
    fn run(&self, arena: &Arena, shim: Shim) -> (Tally, Finished, bool) {
        let before = arena.counters();
        let mut victim = self.victim.start(arena, shim);
        let peer = Peer::to(victim.port()).copies(self.copies).ask(self.response, 0);
        let mut peer = peer.read(self.response / 2).say("next").read_to_end().start(arena);
        match self.cue {
            Cue::None => {}
            Cue::Closed => after(&mut victim, "closed"),
            Cue::Ended => {
                victim.exit();
                victim.go();
            }
        }
        let reports = peer.tally();
        let finished = without_port(victim.finish());
        (reports, finished, arena.counters().since(before).are_clean(self.copies))
    }
}

/// Takes the port out of what a victim has printed: it differs between two runs.
pub fn without_port(mut finished: Finished) -> Finished {
    finished.stdout.retain(|line| !line.starts_with("port "));
    finished
}

/// Waits until `victim` has said `word`, then lets it go on.
pub fn after(victim: &mut Program, word: &str) {
    victim.expect(word);
    victim.go();
}

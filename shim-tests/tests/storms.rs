//! Forks at any instant, and programs that close every descriptor: nothing hangs, nothing is left
//! behind, and what the program opens next under the same number is its own.
//!
//! `transparency.rs` has the storms without exec, and a program that closes every
//! descriptor and serves on.

use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::peer::{End, Peer, RunningPeer, Tally};
use shim_tests::proc::{descriptors, threads, wait_until};
use shim_tests::program::{Exit, Program};
use shim_tests::shim::Shim;
use shim_tests::twice::{alike, twice};
use shim_tests::victim::Victim;
use std::collections::BTreeMap;

mod a_storm_of_forks_spawns_and_closes {
    use super::*;

    const COPIES: usize = 8;
    const ROUNDS: usize = 60;

    /// What the peers saw, and what the victim has open when it is over.
    fn storm(arena: &Arena, shim: Shim, script: impl Fn(Peer) -> Peer) -> (Tally, BTreeMap<i32, String>) {
        let mut victim = Victim::c("fork_storm").arg((COPIES * ROUNDS).to_string()).start(arena, shim);
        let peers = script(Peer::to(victim.port()).copies(COPIES).rounds(ROUNDS));
        let tally = peers.read_to_end().start(arena).tally();
        victim.expect("the storm is over");
        wait_until("one thread is left", || threads(victim.pid()) == 1);
        let open = descriptors(victim.pid());
        assert_eq!(victim.finish().exit, Exit::Code(0), "{shim:?}");
        (tally, open)
    }

    #[test]
    fn loses_nothing_and_leaves_nothing() {
        let seen = alike(here!(), |arena, shim| storm(arena, shim, |peer| peer.ask(16384, 0)));
        if let Some((tally, open)) = seen {
            assert!(tally.all(|report| report.has_all_of(16384)), "{tally:#?}");
            assert!(open.values().filter(|kind| *kind == "socket").count() == 1, "{open:#?}");
        }
    }

    /// Children that still have a copy end it with a reset, with the shim as
    /// without: not who gets all is compared, but that all of them come to an end.
    #[test]
    fn with_unread_data_hangs_nowhere_and_leaves_nothing() {
        let script = |peer: Peer| peer.ask(4096, 1024).upload(1024 + 4096);
        twice(here!(), |arena, shim| {
            let (tally, open) = storm(arena, shim, script);
            assert!(tally.all(|report| report.end != End::TimedOut && report.intact), "{shim:?}: {tally:#?}");
            assert!(open.values().filter(|kind| *kind == "socket").count() == 1, "{open:#?}");
        });
    }
}

/// Closed by every means, and all numbers taken again while drains are pending. The
/// peers speak up then, and after a second of silence every bound is over.
mod numbers_that_are_taken_again {
    use super::*;

    const WAYS: [&str; 7] =
        ["close", "syscall", "instruction", "close_range", "syscall_range", "instruction_range", "closefrom"];

    fn started(arena: &Arena, shim: Shim, place: &str, way: &str) -> (Program, RunningPeer) {
        let victim = Victim::c("reuse").arg(place).arg(way).open_files(256).env("SOFTCLOSE_IDLE", "1s");
        let mut victim = victim.start(arena, shim);
        let script = Peer::to(victim.port()).copies(8).ask(64, 0).read(64).wait().upload(4096).wait();
        let peers = script.start(arena);
        (victim, peers)
    }

    /// Natively all 253 above the standard streams. A `close` of a number that is not
    /// open fails, so that eight drains and their epoll set may go on beside it.
    fn are_the_program_s_own(test: &str, place: &str) {
        twice(test, |arena, shim| {
            let all: Vec<_> = WAYS.iter().map(|way| started(arena, shim, place, way)).collect();
            for (one, way) in all.into_iter().zip(WAYS) {
                let (numbers, exit) = checked(one);
                assert_eq!(exit, Exit::Code(0), "{shim:?} {way}");
                let least = if shim == Shim::Native { 253 } else { 253 - 9 };
                assert!((least..=253).contains(&numbers), "{shim:?} {way}: {numbers}");
            }
        });
    }

    fn checked((mut victim, mut peers): (Program, RunningPeer)) -> (usize, Exit) {
        let pid = victim.expect("filled ").parse().expect("a pid");
        (0..8).for_each(|_| peers.go());
        wait_until("one thread is left", || threads(pid) == 1);
        victim.go();
        (victim.expect("intact: ").parse().expect("a number"), victim.finish().exit)
    }

    #[test]
    fn by_the_process_itself_are_its_own() {
        are_the_program_s_own(here!(), "here");
    }

    #[test]
    fn by_a_child_are_its_own() {
        are_the_program_s_own(here!(), "child");
    }

    #[test]
    fn by_a_daemon_are_its_own() {
        are_the_program_s_own(here!(), "daemon");
    }
}

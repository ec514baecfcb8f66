//! What the program can see of `close` is what libc does. Each test runs natively and shimmed, and
//! the results are equal unless the test says why not.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::peer::Peer;
use shim_tests::proc::{becomes_true, threads};
use shim_tests::program::{Exit, Finished, Program};
use shim_tests::shim::Shim;
use shim_tests::twice::{alike, same_transcript, says, twice, without_port};
use shim_tests::victim::Victim;
use shim_tests::{DEADLINE, here};

/// Far less than a silent peer would make an inline close wait (5 s), far more
/// than a close takes on a loaded machine.
const AT_ONCE_MS: u64 = 500;

mod epoll {
    use super::*;

    /// Runs the victim with a peer that sends before each of three words.
    fn transcript(test: &str, trigger: &str, sets: &str) -> Option<Finished> {
        alike(test, |arena, shim| {
            let mut victim = Victim::c("epoll_ghost").arg(trigger).arg(sets).start(arena, shim);
            three_sendings(&mut victim, arena);
            without_port(victim.finish())
        })
    }

    fn no_ghost(test: &str, trigger: &str, sets: &str) {
        if let Some(finished) = transcript(test, trigger, sets) {
            let expected = [
                "EPOLL_CTL_DEL after the close: -1, EBADF",
                "the number is free",
                "closed",
                "ghosts: no",
                "in the second set: 0",
            ];
            assert_eq!(finished.stdout, expected);
            assert_eq!(finished.exit, Exit::Code(0), "{finished:#?}");
        }
    }

    #[test]
    fn level_triggered_never_reports_a_closed_connection() {
        no_ghost(here!(), "level", "one");
    }

    #[test]
    fn edge_triggered_never_reports_a_closed_connection() {
        no_ghost(here!(), "edge", "one");
    }

    #[test]
    fn two_sets_never_report_a_closed_connection() {
        no_ghost(here!(), "level", "two");
    }

    #[test]
    fn two_edge_triggered_sets_never_report_a_closed_connection() {
        no_ghost(here!(), "edge", "two");
    }

    #[test]
    fn a_set_that_was_entered_by_a_raw_system_call_never_reports_a_closed_connection() {
        no_ghost(here!(), "level", "raw");
    }

    #[test]
    fn a_set_that_a_child_entered_never_reports_a_closed_connection() {
        no_ghost(here!(), "level", "child");
    }

    #[test]
    fn a_copy_that_the_program_keeps_is_still_reported() {
        if let Some(finished) = transcript(here!(), "level", "kept") {
            assert!(finished.stdout.contains(&"ghosts: yes".to_owned()), "{finished:#?}");
        }
    }
}

/// Natively the first of them is answered with a reset, and the rest refused.
fn three_sendings(victim: &mut Program, arena: &Arena) {
    let peer = Peer::to(victim.port()).ask(64, 0);
    let round = |peer: Peer| peer.wait().upload(4096).tell("sent");
    let mut peer = round(round(round(peer))).wait().start(arena);
    victim.expect("closed");
    for _ in 0..3 {
        peer.go();
        peer.told("sent");
        victim.go();
    }
    peer.leave();
}

#[test]
fn the_number_of_a_closed_connection_is_free_at_once() {
    if let Some(finished) = same_transcript(here!(), &Victim::c("fd_number")) {
        assert!(finished.stdout.iter().all(|line| !line.contains("taken")), "{finished:#?}");
    }
}

#[test]
fn a_server_gets_the_same_number_for_each_connection() {
    let seen = alike(here!(), |arena, shim| {
        let mut victim = Victim::c("accepted_number").arg("50").start(arena, shim);
        let mut peers = Peer::to(victim.port()).copies(50).ask(256, 0).read(256).tell("got").wait().start(arena);
        peers.told("got");
        without_port(victim.finish())
    });
    if let Some(finished) = seen {
        assert_eq!(finished.stdout, ["other numbers: 0"]);
    }
}

#[test]
fn close_on_a_silent_peer_returns_at_once() {
    returns_at_once(here!(), 1024, 0);
}

#[test]
fn close_with_unread_data_and_an_unsent_response_returns_at_once() {
    returns_at_once(here!(), shim_tests::RESPONSE, shim_tests::UNREAD);
}

fn returns_at_once(test: &str, response: usize, unread: usize) {
    twice(test, |arena, shim| {
        let mut victim = Victim::c("quick_close").start(arena, shim);
        let peer = Peer::to(victim.port()).ask(response, unread).upload(unread).wait().start(arena);
        let took: u64 = victim.expect("took ").parse().expect("milliseconds");
        assert!(took < AT_ONCE_MS, "{shim:?}: {took} ms");
        assert_eq!(victim.expect("close "), "0");
        peer.leave();
    });
}

#[test]
fn results_and_errno_are_those_of_libc() {
    same_transcript(here!(), &Victim::c("errno"));
}

/// A hook that catches what unwinds through it ended the process by SIGABRT.
#[test]
fn a_cancellation_at_any_instruction_of_a_call_that_makes_a_process_does_not_abort() {
    for call in ["popen", "posix_spawn", "posix_spawnp", "fork"] {
        says(here!(), &Victim::c("cancelled_inside").arg(call), &["in order 20 of 20, by a signal 0"]);
    }
}

/// The whole of `fork` with cancellation disabled: handlers found it so, and what they had set was lost.
#[test]
fn handlers_around_a_fork_find_and_leave_the_cancel_state_as_natively() {
    for who in ["asks", "prepare", "parent", "child"] {
        same_transcript(here!(), &Victim::c("atfork_cancel_state").arg(who));
    }
}

/// When the thread ends is not compared, only that it ends as cancelled: with
/// the shim the close is done first.
#[test]
fn a_cancellation_pending_at_the_close_of_a_connection_does_not_abort() {
    same_transcript(here!(), &Victim::c("cancel").arg("tcp"));
}

#[test]
fn a_cancellation_pending_at_the_close_of_a_file_does_not_abort() {
    same_transcript(here!(), &Victim::c("cancel").arg("file"));
}

/// The number was closed first, and the cleanup handler closed what another thread had opened under it since.
#[test]
fn a_cancellation_pending_at_a_close_acts_before_it() {
    let said = ["cancelled: 1, the handler's close: 0", "the other thread's file is open: 1"];
    says(here!(), &Victim::c("cancelled_close"), &said);
}

/// A result below -4095 was taken for an error, and that ended the program.
#[test]
fn a_negative_result_of_a_call_by_number_is_no_error() {
    says(here!(), &Victim::c("owner_by_number"), &["the group: 1"]);
}

/// `syscall` with the number of `accept`, `connect` or `recvmsg` led to libc's function, which is a cancellation point.
#[test]
fn a_cancellation_pending_at_a_call_by_number_waits_for_a_cancellation_point() {
    let seen = same_transcript(here!(), &Victim::c("cancel_by_number"));
    if let Some(finished) = seen {
        assert_eq!((finished.stdout.len(), &*finished.stdout[11]), (12, "cancelled: 1"), "{finished:#?}");
    }
}

#[test]
fn closing_in_a_signal_handler_while_the_program_allocates() {
    Gauntlet::of(Victim::c("signal_close").arg("200").arg("malloc")).at_once(200).prove(here!());
}

#[test]
fn closing_in_a_signal_handler_while_the_program_closes() {
    Gauntlet::of(Victim::c("signal_close").arg("200").arg("close")).at_once(200).prove(here!());
}

#[test]
fn a_storm_of_forks_and_closes_ends_and_loses_nothing() {
    let seen = alike(here!(), |arena, shim| {
        let mut victim = Victim::c("storm").arg("800").arg("forks").start(arena, shim);
        let mut peers = Peer::to(victim.port()).copies(8).rounds(100).ask(16384, 0).read_to_end().start(arena);
        let tally = peers.tally();
        victim.expect("the storm is over");
        (tally, without_port(victim.finish()))
    });
    if let Some((tally, finished)) = seen {
        assert!(tally.all(|report| report.has_all_of(16384)), "{tally:#?}\n{finished:#?}");
        assert_eq!(finished.exit, Exit::Code(0), "{finished:#?}");
    }
}

/// Closes and drains race each other here: peers send their last bytes and their
/// FIN while the program is still in its close. Shimmed only: natively the
/// responses are lost.
#[test]
fn a_storm_of_closes_with_unread_data_loses_nothing_and_leaves_nothing() {
    let (response, unread) = (4 << 10, 1 << 10);
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let before = arena.counters();
    let mut victim = Victim::c("storm").arg("4800").arg("work").start(&arena, Shim::Preloaded);
    let script = Peer::to(victim.port()).copies(32).rounds(150).ask(response, unread).upload(unread + (4 << 10));
    let tally = script.read_to_end().start(&arena).tally();
    victim.expect("the storm is over");
    let counters = arena.counters().since(before);
    assert!(tally.all(|report| report.has_all_of(response)), "{tally:#?}\n{counters:?}");
    assert!(counters.are_clean(8), "{tally:#?}\n{counters:?}");
    assert!(becomes_true(DEADLINE, || threads(victim.pid()) == 1), "a thread stays for ever");
}

#[test]
fn no_sigio_comes_from_a_closed_connection() {
    let seen = alike(here!(), |arena, shim| {
        let mut victim = Victim::c("sigio").start(arena, shim);
        three_sendings(&mut victim, arena);
        without_port(victim.finish())
    });
    if let Some(finished) = seen {
        assert_eq!(finished.stdout, ["closed", "signals after the close: 0"]);
    }
}

#[test]
fn signals_of_the_process_reach_the_program() {
    let seen = alike(here!(), |arena, shim| {
        let mut victim = Victim::c("own_signals").start(arena, shim);
        let peer = Peer::to(victim.port()).ask(64, 0).wait().upload(shim_tests::UPLOAD).tell("sent").wait();
        let mut peer = peer.start(arena);
        victim.expect("closed");
        // More than a window: it is taken by whoever drains, who is at work then.
        peer.go();
        peer.told("sent");
        victim.go();
        let finished = without_port(victim.finish());
        peer.leave();
        finished
    });
    if let Some(finished) = seen {
        assert_eq!(finished.exit, Exit::Code(0), "{finished:#?}");
    }
}

/// The program closes what it does not know. The next connection is served as if
/// nothing had happened, and no descriptor of the program is hurt.
mod a_program_that_closes_every_descriptor {
    use super::*;

    fn still_delivers(test: &str, way: &str) {
        let Some(arena) = Arena::or_skip(test) else { return };
        let mut victim = Victim::c("stranger_closes").arg(way).open_files(1024).start(&arena, Shim::Preloaded);
        let port = victim.port();
        let silent = Peer::to(port).ask(64, 0).wait().start(&arena);
        victim.expect("closed all");
        silent.leave();
        victim.go();
        let (response, unread) = (shim_tests::RESPONSE, shim_tests::UNREAD);
        let peer = Peer::to(port).ask(response, unread).upload(unread + shim_tests::UPLOAD).read_to_end();
        let report = peer.start(&arena).report();
        let finished = victim.finish();
        assert!(report.has_all_of(response), "{report:?}\n{finished:#?}");
        assert_eq!(finished.exit, Exit::Code(0), "{finished:#?}");
    }

    #[test]
    fn by_close() {
        still_delivers(here!(), "close");
    }

    #[test]
    fn by_raw_system_calls() {
        still_delivers(here!(), "syscall");
    }

    #[test]
    fn by_close_range() {
        still_delivers(here!(), "close_range");
    }

    #[test]
    fn by_closefrom() {
        still_delivers(here!(), "closefrom");
    }

    #[test]
    fn by_a_close_range_instruction() {
        still_delivers(here!(), "instruction");
    }
}

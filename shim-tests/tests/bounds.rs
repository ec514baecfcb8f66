//! No connection is held for longer than the bounds of its drain, and never at the program's
//! expense.
//!
//! Where a test waits for a bound, the other bounds are far away (20 s or 64 MiB), so that only
//! this one can have ended the drain.

use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::peer::{Peer, RunningPeer, Upload};
use shim_tests::proc::{becomes_true, descriptors, threads, wait_until};
use shim_tests::program::{Exit, Program};
use shim_tests::shim::Shim;
use shim_tests::twice::{alike, twice};
use shim_tests::victim::Victim;
use std::time::{Duration, Instant};

/// No bound at all, as far as a test is concerned, and yet the end of a victim
/// that outlives its test.
const FAR: &str = "20s";

/// A response that fits every buffer: the victim and its peer are done with it.
const SMALL: usize = 1024;

/// How long a bound of at most a second may take on a loaded machine. Less than
/// the default of the bound in question.
const SOON: Duration = Duration::from_secs(4);

/// What peers and kernel may hold of an upload beyond what the victim took: the
/// arena's send buffer and a receive buffer, which grows with a fast reader.
fn in_buffers() -> usize {
    let sizes = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_rmem").expect("every Linux has it");
    let largest: usize = sizes.split_whitespace().last().and_then(|word| word.parse().ok()).expect("three sizes");
    (8 << 20) + largest.max(8 << 20)
}

/// A victim that has closed one connection, and the peer of it.
struct Closed {
    arena: Arena,
    victim: Program,
    port: u16,
    peer: RunningPeer,
}

impl Closed {
    fn by(test: &str, victim: &Victim, script: impl FnOnce(Peer) -> Peer) -> Option<Self> {
        let arena = Arena::or_skip(test)?;
        let mut victim = victim.start(&arena, Shim::Preloaded);
        let port = victim.port();
        let peer = script(Peer::to(port).ask(SMALL, 0)).start(&arena);
        victim.expect("closed");
        Some(Self { arena, victim, port, peer })
    }

    fn held(&self) -> usize {
        held(&self.arena, self.port)
    }

    fn is_let_go_within(&self, patience: Duration) -> bool {
        becomes_true(patience, || self.held() == 0)
    }
}

/// Connections of the server on `port` that some process still has open.
fn held(arena: &Arena, port: u16) -> usize {
    arena.sockets().iter().filter(|socket| socket.is_held_by_server(port)).count()
}

fn serve(connections: usize) -> Victim {
    Victim::c("serve").arg(connections.to_string())
}

mod a_silent_peer {
    use super::*;

    #[test]
    fn is_waited_for_at_first() {
        let victim = serve(1).env("SOFTCLOSE_IDLE", FAR);
        let Some(closed) = Closed::by(here!(), &victim, Peer::wait) else { return };
        assert_eq!(closed.held(), 1);
        closed.peer.leave();
        wait_until("the peer has left and the socket is gone", || held(&closed.arena, closed.port) == 0);
    }

    #[test]
    fn is_let_go_after_the_idle_timeout() {
        let victim = serve(1).env("SOFTCLOSE_IDLE", "300ms").env("SOFTCLOSE_TIMEOUT", FAR);
        let Some(closed) = Closed::by(here!(), &victim, Peer::wait) else { return };
        assert!(closed.is_let_go_within(SOON));
    }

    #[test]
    fn is_let_go_after_the_total_timeout() {
        let victim = serve(1).env("SOFTCLOSE_IDLE", FAR).env("SOFTCLOSE_TIMEOUT", "300ms");
        let Some(closed) = Closed::by(here!(), &victim, Peer::wait) else { return };
        assert!(closed.is_let_go_within(SOON));
    }

    #[test]
    fn keeps_the_inline_engine_no_longer_than_the_idle_timeout() {
        let victim = Victim::c("quick_close").env("SOFTCLOSE_ENGINE", "inline").env("SOFTCLOSE_IDLE", "300ms");
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let mut victim = victim.start(&arena, Shim::Preloaded);
        let _peer = Peer::to(victim.port()).ask(SMALL, 0).wait().start(&arena);
        let took: u128 = victim.expect("took ").parse().expect("milliseconds");
        assert!((250..SOON.as_millis()).contains(&took), "{took} ms");
        assert_eq!(victim.expect("close "), "0");
    }
}

#[test]
fn a_trickle_is_cut_after_the_total_timeout() {
    let victim = serve(1).env("SOFTCLOSE_IDLE", FAR).env("SOFTCLOSE_TIMEOUT", "1s");
    let Some(closed) = Closed::by(here!(), &victim, |peer| peer.drip(50).wait()) else { return };
    assert!(closed.is_let_go_within(SOON));
}

/// A peer that sends a byte now and then held the program's own thread for 30 s.
#[test]
fn a_trickle_keeps_the_inline_engine_no_longer_than_its_own_bound() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let mut victim = Victim::c("quick_close").env("SOFTCLOSE_ENGINE", "inline").start(&arena, Shim::Preloaded);
    let _peer = Peer::to(victim.port()).ask(SMALL, 0).drip(50).wait().start(&arena);
    let took: u128 = victim.expect("took ").parse().expect("milliseconds");
    assert!(took < SOON.as_millis(), "{took} ms");
}

#[test]
fn a_trickle_is_not_idle() {
    let victim = serve(1).env("SOFTCLOSE_IDLE", "1s").env("SOFTCLOSE_TIMEOUT", FAR);
    let Some(closed) = Closed::by(here!(), &victim, |peer| peer.drip(50).wait()) else { return };
    assert!(!closed.is_let_go_within(Duration::from_secs(2)));
}

#[test]
fn a_firehose_is_cut_after_the_byte_limit() {
    let limit = 4 << 20;
    let victim = serve(1).env("SOFTCLOSE_MAX_BYTES", "4MiB").env("SOFTCLOSE_TIMEOUT", FAR);
    let Some(mut closed) = Closed::by(here!(), &victim, |peer| peer.firehose().read_to_end()) else { return };
    let report = closed.peer.report();
    assert_eq!(report.upload, Upload::Refused, "{report:?}");
    assert!((limit..limit + in_buffers()).contains(&report.sent), "{report:?}");
    assert!(closed.is_let_go_within(SOON));
}

/// The child kept a copy of our descriptor, and the peer waited for as long as the child lived.
#[test]
fn a_firehose_is_cut_although_a_child_was_made_meanwhile() {
    for way in ["syscall", "instruction", "_Fork", "fork", "clone"] {
        let victim =
            Victim::c("child_made_later").arg(way).env("SOFTCLOSE_MAX_BYTES", "4MiB").env("SOFTCLOSE_TIMEOUT", FAR);
        let Some(mut closed) = Closed::by(here!(), &victim, |peer| peer.firehose().read_to_end()) else { return };
        let report = closed.peer.report();
        assert_eq!(report.upload, Upload::Refused, "{way}: {report:?}");
    }
}

#[test]
fn a_firehose_that_pours_while_it_reads_gets_its_response() {
    let victim = serve(1).env("SOFTCLOSE_MAX_BYTES", "4MiB");
    let Some(mut closed) = Closed::by(here!(), &victim, |peer| peer.pour().read_to_end()) else { return };
    let report = closed.peer.report();
    assert!(report.has_all_of(SMALL), "{report:?}");
}

mod a_client {
    use super::*;

    /// Bytes that a server could send to a client that has closed.
    fn drunk(test: &str, limit: Option<&str>) -> Option<usize> {
        let arena = Arena::or_skip(test)?;
        let mut peer = Peer::listening().ask(SMALL, 0).firehose().start(&arena);
        let port = peer.program().port();
        let victim = Victim::c("client").arg(port.to_string());
        let victim = limit.into_iter().fold(victim, |victim, limit| victim.env("SOFTCLOSE_CONNECTED_MAX_BYTES", limit));
        let _victim = victim.start(&arena, Shim::Preloaded);
        let report = peer.report();
        assert_eq!(report.upload, Upload::Refused, "{report:?}");
        Some(report.sent)
    }

    #[test]
    fn drinks_no_more_than_its_byte_limit() {
        let limit = 4 << 20;
        if let Some(sent) = drunk(here!(), Some("4MiB")) {
            assert!((limit..limit + in_buffers()).contains(&sent), "{sent}");
        }
    }

    #[test]
    fn drinks_less_than_a_server_unless_told_otherwise() {
        if let Some(sent) = drunk(here!(), None) {
            assert!(((1 << 20)..(1 << 20) + in_buffers()).contains(&sent), "{sent}");
        }
    }
}

mod the_end_of_a_process {
    use super::*;

    /// Less than the default bound of 2 s, and several times what is set here.
    const WELL_BEFORE_DEFAULT: Duration = Duration::from_millis(1700);

    fn takes_no_longer(test: &str, victim: &Victim, limit: &str) {
        let victim = victim.clone().env("SOFTCLOSE_EXIT_TIMEOUT", limit).env("SOFTCLOSE_IDLE", FAR);
        let Some(arena) = Arena::or_skip(test) else { return };
        let mut victim = victim.start(&arena, Shim::Preloaded);
        let mut peer = Peer::to(victim.port()).ask(SMALL, 0).read(SMALL).tell("got").wait().start(&arena);
        peer.told("got");
        let start = Instant::now();
        assert_eq!(victim.exit(), Exit::Code(7));
        assert!(start.elapsed() < WELL_BEFORE_DEFAULT, "{:?}", start.elapsed());
    }

    #[test]
    fn with_an_open_connection_is_bounded() {
        takes_no_longer(here!(), &Victim::c("exit_open").arg("return"), "300ms");
    }

    #[test]
    fn by_underscore_exit_with_an_open_connection_is_bounded() {
        takes_no_longer(here!(), &Victim::c("exit_open").arg("_exit"), "300ms");
    }

    #[test]
    fn by_quick_exit_with_an_open_connection_is_bounded() {
        takes_no_longer(here!(), &Victim::c("exit_open").arg("quick_exit"), "300ms");
    }

    #[test]
    fn with_a_pending_drain_is_bounded() {
        takes_no_longer(here!(), &Victim::c("exit_pending").arg("exit"), "300ms");
    }

    #[test]
    fn without_any_patience_is_immediate() {
        takes_no_longer(here!(), &Victim::c("exit_pending").arg("exit"), "0");
    }

    #[test]
    fn with_the_inline_engine_is_bounded() {
        takes_no_longer(here!(), &Victim::c("exit_open").arg("exit").env("SOFTCLOSE_ENGINE", "inline"), "300ms");
    }

    /// Many silent connections are waited for together, not one after the other.
    #[test]
    fn with_many_open_connections_waits_for_all_of_them_at_once() {
        let victim = Victim::c("exit_many").arg("100").env("SOFTCLOSE_EXIT_TIMEOUT", "300ms");
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let mut victim = victim.start(&arena, Shim::Preloaded);
        let mut peers = Peer::to(victim.port()).copies(100).ask(SMALL, 0).read(SMALL).tell("got").wait().start(&arena);
        peers.told("got");
        let start = Instant::now();
        victim.go();
        assert_eq!(victim.exit(), Exit::Code(7));
        assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
    }

    /// Several times: where in its write the thread is found is a matter of luck.
    fn survives_a_writer(test: &str, script: impl Fn(Peer) -> Peer) {
        let victim = Victim::c("exit_writer").env("SOFTCLOSE_EXIT_TIMEOUT", "200ms");
        twice(test, |arena, shim| {
            for round in 0..5 {
                let mut victim = victim.start(arena, shim);
                let peer = Peer::to(victim.port()).ask(0, 0).read(1 << 20).tell("got");
                let mut peer = script(peer).start(arena);
                peer.told("got");
                victim.go();
                let finished = victim.finish();
                assert_eq!(finished.exit, Exit::Code(7), "{shim:?}, round {round}: {finished:#?}");
            }
        });
    }

    #[test]
    fn while_a_thread_writes_to_a_peer_that_reads_keeps_its_status() {
        survives_a_writer(here!(), Peer::read_to_end);
    }

    #[test]
    fn while_a_thread_writes_to_a_peer_that_does_not_read_keeps_its_status() {
        survives_a_writer(here!(), Peer::wait);
    }
}

#[test]
fn two_hundred_silent_peers_never_cost_the_program_a_descriptor() {
    let seen = alike(here!(), |arena, shim| {
        let mut victim = Victim::c("tight").arg("200").env("SOFTCLOSE_IDLE", FAR).open_files(64).start(arena, shim);
        let mut peers = Peer::to(victim.port()).copies(200).ask(SMALL, 0).read(SMALL).tell("got").wait().start(arena);
        victim.expect("closed");
        peers.told("got");
        peers.leave();
        victim.finish().exit
    });
    assert!(matches!(seen, None | Some(Exit::Code(0))), "{seen:?}");
}

mod a_full_house {
    use super::*;

    /// More silent peers than may be held, then one that is worth it.
    fn after_silent_peers(test: &str, check: impl FnOnce(&Arena, u16, RunningPeer, Program)) {
        let victim = serve(21).env("SOFTCLOSE_MAX_PENDING", "4").env("SOFTCLOSE_IDLE", FAR);
        let Some(arena) = Arena::or_skip(test) else { return };
        let mut victim = victim.start(&arena, Shim::Preloaded);
        let port = victim.port();
        let mut silent = Peer::to(port).copies(20).ask(SMALL, 0).read(SMALL).tell("got").wait().start(&arena);
        silent.told("got");
        check(&arena, port, silent, victim);
    }

    #[test]
    fn still_takes_the_next_connection() {
        after_silent_peers(here!(), |arena, port, _silent, victim| {
            let (response, unread) = (shim_tests::RESPONSE, shim_tests::UNREAD);
            let peer = Peer::to(port).ask(response, unread).upload(unread + shim_tests::UPLOAD).read_to_end();
            let report = peer.start(arena).report();
            assert!(report.has_all_of(response), "{report:?}");
            assert_eq!(victim.finish().exit, Exit::Code(0));
        });
    }

    #[test]
    fn holds_no_more_than_it_may() {
        after_silent_peers(here!(), |arena, port, _silent, _victim| {
            wait_until("no more than four are held", || held(arena, port) <= 4);
        });
    }

    /// A connection that has to go is closed plainly, which is no reset for a peer that has
    /// everything.
    #[test]
    fn lets_the_others_go_without_a_reset() {
        after_silent_peers(here!(), |arena, port, silent, _victim| {
            wait_until("no more than four are held", || held(arena, port) <= 4);
            assert!(arena.counters().are_clean(20), "{:?}", arena.counters());
            drop(silent);
        });
    }
}

#[test]
fn a_thousand_connections_leave_no_socket_behind() {
    twice(here!(), |arena, shim| {
        let mut victim = serve(1000).start(arena, shim);
        let mut peers = Peer::to(victim.port()).copies(4).rounds(250).ask(SMALL, 0).read_to_end().start(arena);
        assert!(peers.tally().all(|report| report.has_all_of(SMALL)));
        victim.expect("closed");
        wait_until("only the listener is left", || sockets_of(victim.pid()) == 1);
    });
}

fn sockets_of(pid: u32) -> usize {
    descriptors(pid).values().filter(|kind| *kind == "socket").count()
}

mod a_child_forked_during_a_drain {
    use super::*;

    #[test]
    fn has_no_descriptor_that_it_would_not_have_natively() {
        alike(here!(), |arena, shim| {
            let mut victim = Victim::c("fork_after_close").env("SOFTCLOSE_IDLE", FAR).start(arena, shim);
            let peer = Peer::to(victim.port()).ask(SMALL, 0).wait().start(arena);
            victim.expect("closed");
            victim.go();
            let child: u32 = victim.expect("child ").parse().expect("a pid");
            let seen = descriptors(child);
            peer.leave();
            seen
        });
    }

    #[test]
    fn does_not_keep_the_socket_when_the_peer_has_left() {
        let victim = Victim::c("fork_after_close").env("SOFTCLOSE_IDLE", FAR);
        let Some(mut closed) = Closed::by(here!(), &victim, Peer::wait) else { return };
        closed.victim.go();
        closed.victim.expect("child ");
        assert_eq!(closed.held(), 1);
        closed.peer.leave();
        wait_until("the socket is gone", || held(&closed.arena, closed.port) == 0);
    }

    #[test]
    fn does_not_keep_the_socket_beyond_the_idle_timeout() {
        let victim = Victim::c("fork_after_close").env("SOFTCLOSE_IDLE", "1s").env("SOFTCLOSE_TIMEOUT", FAR);
        let Some(mut closed) = Closed::by(here!(), &victim, Peer::wait) else { return };
        closed.victim.go();
        closed.victim.expect("child ");
        assert!(closed.is_let_go_within(SOON));
    }
}

#[test]
fn the_inline_engine_has_no_thread_and_keeps_no_descriptor() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let mut victim = Victim::c("serve").arg("2").env("SOFTCLOSE_ENGINE", "inline").start(&arena, Shim::Preloaded);
    let port = victim.port();
    let script =
        Peer::to(port).ask(shim_tests::RESPONSE, shim_tests::UNREAD).upload(shim_tests::UNREAD + shim_tests::UPLOAD);
    let mut peers = script.copies(2).read_to_end().start(&arena);
    let tally = peers.tally();
    victim.expect("closed");
    assert!(tally.all(|report| report.has_all_of(shim_tests::RESPONSE)), "{tally:#?}");
    assert_eq!(threads(victim.pid()), 1);
    assert_eq!(sockets_of(victim.pid()), 1);
}

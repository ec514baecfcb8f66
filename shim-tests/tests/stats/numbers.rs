//! Counters agree with what the program did, and with what the kernel counted.

use super::holding;
use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::here;
use shim_tests::peer::Peer;
use shim_tests::proc::wait_until;
use shim_tests::program::{Exit, Program};
use shim_tests::shim::Shim;
use shim_tests::stats::{Memory, Stat};
use shim_tests::twice::alike;
use shim_tests::victim::Victim;

/// One letter a connection: drained, shared, reset, peer's FIN first. See `counted.c`.
const KINDS: &str = "dddsrrff";

/// Each kind of connection with a peer that makes it so.
fn serve_each_kind(victim: &mut Program, arena: &Arena) {
    let port = victim.port();
    for kind in KINDS.chars() {
        let script = match kind {
            'd' | 's' => Peer::to(port).ask(64, 1000).upload(1000).read_to_end(),
            'f' => Peer::to(port).ask(64, 0).fin().read_to_end(),
            _ => Peer::to(port).ask(64, 0).read_to_end(),
        };
        let mut peer = script.start(arena);
        victim.expect("next");
        peer.tally();
    }
    victim.expect("closed");
}

#[test]
fn every_close_is_counted_as_what_it_was() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let mut victim = memory.shows(Victim::c("counted").arg(KINDS)).start(&arena, Shim::Preloaded);
    serve_each_kind(&mut victim, &arena);
    // The end of the last drain is told by no event.
    wait_until("every drain has ended", || memory.stat(victim.pid()).number("drains_ended_total.fin") == 4);
    let stat = memory.stat(victim.pid());
    let expected = [
        ("left_alone_total.not-a-socket", 3),
        ("left_alone_total.not-tcp", 4),
        ("left_alone_total.not-open", 2),
        ("left_alone_total.unconnected", 1),
        ("left_alone_total.shared", 2),
        ("left_alone_total.reset-asked", 2),
        ("left_alone_total.peer-done", 2),
        ("left_alone_total.unsure", 0),
        ("drains_begun_total", 4),
        ("resets_avoided_total", 4),
        ("discarded_bytes_total", 4000),
        ("drains_held", 0),
        ("unacknowledged_bytes_total", 0),
        ("log_lines_dropped_total", 0),
        ("closes_total", 20),
    ];
    for (name, count) in expected {
        assert_eq!(stat.number(name), count, "{name}: {:#}", stat.0);
    }
    assert_eq!(stat.number("drain_seconds.count"), 4);
    assert!(stat.number("drains_held_max") >= 1);
}

/// Where nothing is drained nothing is left open, for the file either.
#[test]
fn a_program_that_is_counted_is_as_natively() {
    let memory = Memory::directory();
    let seen = alike(here!(), |arena, shim| {
        let mut victim = memory.shows(Victim::c("counted").arg("rrff")).start(arena, shim);
        let port = victim.port();
        for kind in "rrff".chars() {
            let script = Peer::to(port).ask(64, 0);
            let mut peer = if kind == 'f' { script.fin() } else { script }.read_to_end().start(arena);
            victim.expect("next");
            peer.tally();
        }
        victim.expect("closed");
        let open = shim_tests::proc::descriptors(victim.pid());
        (open, victim.finish().exit)
    });
    if let Some((_, exit)) = seen {
        assert_eq!(exit, Exit::Code(0));
    }
}

/// Natively the kernel counts an abort for each of these connections; softclose says that
/// it has avoided as many.
#[test]
fn resets_avoided_are_those_that_the_kernel_counts_natively() {
    const CONNECTIONS: usize = 8;
    let Some(native) = Gauntlet::of(Victim::c("serve").arg("8")).at_once(CONNECTIONS).run(here!(), Shim::Native) else {
        return;
    };
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let before = arena.counters();
    let mut victim = memory.shows(Victim::c("serve").arg("8")).start(&arena, Shim::Preloaded);
    let (unread, upload) = (16 << 10, 64 << 10);
    let peer = Peer::to(victim.port()).copies(CONNECTIONS).ask(256 << 10, unread).upload(unread + upload);
    let mut peer = peer.read_to_end().start(&arena);
    assert!(peer.tally().all(|report| report.has_all_of(256 << 10)));
    victim.expect("closed");
    wait_until("every drain has ended", || memory.stat(victim.pid()).number("drains_held") == 0);
    let stat = memory.stat(victim.pid());
    assert_eq!(stat.number("resets_avoided_total"), native.counters.aborts(), "{native:#?}\n{:#}", stat.0);
    assert_eq!(stat.number("discarded_bytes_total"), (CONNECTIONS * (unread + upload)) as u64);
    assert!(arena.counters().since(before).are_clean(CONNECTIONS));
}

#[test]
fn what_a_peer_has_not_acknowledged_is_counted_when_it_resets() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let mut victim = memory.shows(Victim::c("serve").arg("1")).start(&arena, Shim::Preloaded);
    let peer = Peer::to(victim.port()).receive_buffer(4096).ask(1 << 20, 0).wait().start(&arena);
    victim.expect("closed");
    peer.leave();
    wait_until("the drain has ended", || memory.stat(victim.pid()).number("drains_held") == 0);
    let stat = memory.stat(victim.pid());
    assert_eq!(stat.number("drains_ended_total.reset"), 1, "{:#}", stat.0);
    let left = stat.number("unacknowledged_bytes_total");
    assert!((900 << 10..1 << 20).contains(&left), "{left}");
    assert_eq!(stat.number("resets_avoided_total"), 0);
}

#[test]
fn what_is_held_is_shown_while_it_is_held() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let (victim, peer) = holding(&arena, memory.shows(Victim::c("serve")));
    let held = |stat: Stat| (stat.number("drains_held"), stat.number("drains_held_max"));
    assert_eq!(held(memory.stat(victim.pid())), (1, 1));
    peer.leave();
    wait_until("nothing is held", || held(memory.stat(victim.pid())) == (0, 1));
}

/// Where a filter keeps softclose from acting, that is what an operator wants to read.
#[test]
fn what_a_filter_denies_is_counted_and_shown() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let words = [libc::SYS_epoll_ctl.to_string(), libc::EPERM.to_string(), "2".to_owned(), "close".to_owned()];
    let victim = words.into_iter().fold(memory.shows(Victim::c("denied")), Victim::arg);
    let mut victim = victim.start(&arena, Shim::Preloaded);
    Peer::to(victim.port()).copies(2).ask(64, 0).read_to_end().start(&arena).tally();
    victim.expect("closed");
    let stat = memory.stat(victim.pid());
    assert_eq!((stat.number("left_alone_total.denied"), stat.number("drains_begun_total")), (2, 0), "{:#}", stat.0);
    assert!(memory.says(&["explain", &victim.pid().to_string()]).contains("2  denied: "));
}

mod a_family {
    use super::*;

    #[test]
    fn of_forks_for_each_connection_counts_together() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let victim = memory.shows(Victim::c("fork_server").arg("12").arg("close"));
        let mut victim = victim.start(&arena, Shim::Preloaded);
        let mut peer = Peer::to(victim.port()).copies(12).ask(64, 0).read_to_end().start(&arena);
        peer.tally();
        victim.expect("closed");
        let stat = memory.stat(victim.pid());
        // Of two that let go at the same instant each may find nobody left.
        let (begun, shared) = (stat.number("drains_begun_total"), stat.number("left_alone_total.shared"));
        assert!(begun >= 12 && begun + shared == 24, "{:#}", stat.0);
        assert_eq!(stat.processes(), [u64::from(victim.pid())]);
        assert_eq!(memory.files().len(), 1);
        drop(victim.finish());
        assert_eq!(memory.files(), [""; 0], "the last of a family takes the file along");
    }

    #[test]
    fn of_workers_made_before_the_first_connection_counts_together() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let mut victim = memory.shows(Victim::c("workers").arg("3")).start(&arena, Shim::Preloaded);
        let port = victim.port();
        for _ in 0..9 {
            Peer::to(port).ask(64, 0).read_to_end().start(&arena).tally();
        }
        let stat = memory.stat(victim.pid());
        assert_eq!(stat.number("drains_begun_total"), 9, "{:#}", stat.0);
        assert_eq!(stat.processes().len(), 4, "{:#}", stat.0);
        for worker in stat.processes() {
            assert_eq!(memory.stat(worker as u32), memory.stat(victim.pid()), "each of them leads there");
        }
    }

    /// A gauge must not stay wrong for ever.
    #[test]
    fn forgets_what_a_killed_worker_held() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let mut victim = memory.shows(Victim::c("workers").arg("2")).start(&arena, Shim::Preloaded);
        let peer = Peer::to(victim.port()).ask(64, 0).wait().start(&arena);
        let worker: i32 = victim.expect("served ").parse().expect("a pid");
        victim.expect("closed");
        wait_until("it is held", || memory.stat(victim.pid()).number("drains_held") == 1);
        // SAFETY: no memory is passed; a child of the victim, which does not reap it yet.
        unsafe { libc::kill(worker, libc::SIGKILL) };
        wait_until("it is gone", || memory.stat(victim.pid()).number("drains_held") == 0);
        let stat = memory.stat(victim.pid());
        assert_eq!((stat.number("drains_begun_total"), stat.number("drains_held_max")), (1, 1));
        peer.leave();
    }

    /// A program that becomes another one begins anew.
    #[test]
    fn ends_where_its_last_process_becomes_another_program() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let mut victim = memory.shows(Victim::c("road").arg("execve")).start(&arena, Shim::Preloaded);
        Peer::to(victim.port()).ask(64, 0).read_to_end().start(&arena).tally();
        assert_eq!(victim.finish().exit, Exit::Code(0));
        assert_eq!(memory.files(), [""; 0]);
    }
}

/// Kernels before 4.12, and gVisor: each close was left alone, and nothing said why. (On a busy machine a look at procfs,
/// which comes before, may end at its budget.)
#[test]
fn a_kernel_without_socket_cookies_is_named() {
    const CONNECTIONS: usize = 20;
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let victim = Victim::c("no_cookie").arg(CONNECTIONS.to_string());
    let mut victim = memory.shows(victim).start(&arena, Shim::Preloaded);
    let peers = Peer::to(victim.port()).copies(CONNECTIONS).ask(64, 1000).upload(1000).read_to_end();
    let mut peers = peers.start(&arena);
    victim.expect("closed");
    peers.tally();
    let stat = memory.stat(victim.pid());
    assert_eq!(stat.number("left_alone_total.unsure"), CONNECTIONS as u64, "{:#}", stat.0);
    assert!(stat.number("unsure_total.no-cookie") > 0, "{:#}", stat.0);
    let said = memory.says(&["explain", &victim.pid().to_string()]);
    assert!(said.contains(" no-cookie: the kernel gives a socket no cookie"), "{said}");
}

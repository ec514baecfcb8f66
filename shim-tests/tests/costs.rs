//! How many system calls softclose takes. Times are measured by `make bench`, and never asserted.

use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::peer::Peer;
use shim_tests::shim::Shim;
use shim_tests::strace::{Caller, Calls, Traced, arena_or_skip, calls_of};
use shim_tests::victim::Victim;

/// Pairs of `open` and `close` in the shorter of two runs.
const PAIRS: u64 = 100;

/// Forks in the shorter of two runs.
const FORKS: u64 = 30;

/// All calls of a run.
fn calls(arena: &Arena, pairs: u64, shim: Shim) -> u64 {
    let calls = calls_of(&Victim::c("bench_files").arg(pairs.to_string()).arg("alone"), arena, shim);
    calls.values().sum()
}

/// Looks at procfs in all of a run.
fn looks(arena: &Arena, victim: &Victim) -> u64 {
    let calls = calls_of(&victim.clone().open_files(4096), arena, Shim::Preloaded);
    let is_one = |name: &str| ["readlinkat", "getdents64"].contains(&name);
    calls.iter().filter(|((_, name), _)| is_one(name)).map(|(_, count)| count).sum()
}

/// Calls for a fork and its child, beside so many children that live on.
fn calls_a_fork(arena: &Arena, live: u64) -> u64 {
    let run = |forks: u64| {
        let calls =
            calls_of(&Victim::c("forks_beside").arg(forks.to_string()).arg(live.to_string()), arena, Shim::Preloaded);
        calls.values().sum::<u64>()
    };
    (run(2 * FORKS) - run(FORKS)).div_ceil(FORKS)
}

/// A server with a hundred live children asked at each new connection after the holders of
/// sixteen others.
#[test]
fn a_fork_beside_many_children_is_hardly_more() {
    let Some(arena) = arena_or_skip(here!()) else { return };
    let [alone, beside] = [0, 100].map(|live| calls_a_fork(&arena, live));
    assert!(beside <= alone + 8, "{beside} calls a fork beside 100 children, {alone} alone");
}

/// A child asked about each place that its parent had ever held a connection in.
#[test]
fn a_fork_after_many_drains_is_no_more() {
    let Some(arena) = arena_or_skip(here!()) else { return };
    let cookies = |forks: u64| {
        let calls = calls_of(&Victim::c("forks_after").arg(forks.to_string()).arg("100"), &arena, Shim::Preloaded);
        *calls.get(&(Caller::Program, "getsockopt SO_COOKIE".to_owned())).expect("closes ask for cookies")
    };
    let [few, many] = [FORKS, 2 * FORKS].map(cookies);
    assert!(many <= few + FORKS, "{few} cookies with {FORKS} forks, {many} with twice as many");
}

/// It asked about each number up to 64, and listed the rest, at each fork: bash took 90 calls more for a subshell.
#[test]
fn a_fork_of_a_process_without_connections_is_a_few_calls_more() {
    let Some(arena) = arena_or_skip(here!()) else { return };
    let of = |forks: u64, shim| {
        let victim = Victim::c("forks_after").arg(forks.to_string()).arg("0");
        calls_of(&victim, &arena, shim).values().sum::<u64>()
    };
    let [native, shimmed] = Shim::BOTH.map(|shim| (of(2 * FORKS, shim) - of(FORKS, shim)).div_ceil(FORKS));
    assert!(shimmed <= native + 8, "{shimmed} calls a fork, {native} natively");
}

/// All calls of a server that makes a child for each of so many connections.
fn calls_of_children(arena: &Arena, connections: u64) -> Calls {
    let traced = Traced::of(&Victim::c("forks_serve").arg(connections.to_string()));
    let mut server = traced.start(arena, Shim::Preloaded);
    let peer = Peer::to(server.port()).ask(64, 0).read_to_end().rounds(connections as usize);
    assert!(peer.start(arena).tally().all(|report| report.has_all_of(64)));
    server.finish();
    traced.calls()
}

/// Each child made an epoll set and a thread, and repeated what its parent knew: 190 calls. (A peer may be
/// late on a busy machine: then its child makes a thread.)
#[test]
fn a_child_that_ends_with_its_connection_makes_no_thread() {
    let Some(arena) = arena_or_skip(here!()) else { return };
    let [few, many] = [FORKS, 2 * FORKS].map(|connections| calls_of_children(&arena, connections));
    let more = |call: &str| {
        let of =
            |calls: &Calls| calls.iter().filter(|((_, name), _)| name == call).map(|(_, count)| count).sum::<u64>();
        of(&many).saturating_sub(of(&few))
    };
    assert_eq!(more("tgkill"), 0, "no child rehearses");
    assert!(more("clone") < 2 * FORKS, "{} calls of clone for {FORKS} children", more("clone"));
}

/// Two runs, so that what the start of the program takes is not among them.
#[test]
fn the_close_of_a_file_is_at_most_one_system_call_more() {
    let Some(arena) = arena_or_skip(here!()) else { return };
    let [native, shimmed] = Shim::BOTH.map(|shim| calls(&arena, 2 * PAIRS, shim) - calls(&arena, PAIRS, shim));
    assert_eq!(native, 2 * PAIRS, "an open and a close each, natively");
    assert!(shimmed <= native + PAIRS, "{shimmed} calls for {PAIRS} files, {native} natively");
}

/// It took hundreds of thousands of calls, up to two seconds of the processor a program.
#[test]
fn a_program_that_inherited_many_connections_hardly_looks_for_their_holders() {
    let Some(arena) = arena_or_skip(here!()) else { return };
    for way in ["ends", "closefrom", "close_range"] {
        let looks = looks(&arena, &Victim::c("helper_inherits").arg("300").arg(way));
        assert!(looks < 200, "{looks} looks at procfs where the program {way}");
    }
    let looks = looks(&arena, &Victim::c("helper_inherits").arg("300").arg("close"));
    assert!(looks < 300 + 200, "{looks} looks at procfs where the program closes one by one");
}

/// What is open was listed, in small pieces.
#[test]
fn the_end_of_a_process_with_many_files_lists_none() {
    let Some(arena) = arena_or_skip(here!()) else { return };
    let [few, many] = ["10", "1000"].map(|files| looks(&arena, &Victim::c("many_files").arg(files)));
    assert_eq!((few, many), (0, 0), "looks at procfs with 10 and with 1000 open files");
}

/// A daemon closes all numbers, open or not. The next close of a connection asked a thousand of them whether they
/// were epoll sets, and on a busy machine that was more than its budget allows: the close was left alone.
#[test]
fn the_close_of_numbers_that_are_not_open_makes_no_later_search_longer() {
    let Some(arena) = arena_or_skip(here!()) else { return };
    for way in ["close", "syscall"] {
        let traced = Traced::of(&Victim::c("stranger_closes").arg(way).open_files(1024));
        let mut server = traced.start(&arena, Shim::Preloaded);
        let port = server.port();
        let silent = Peer::to(port).ask(64, 0).wait().start(&arena);
        server.expect("closed all");
        silent.leave();
        server.go();
        let (response, unread) = (shim_tests::RESPONSE, shim_tests::UNREAD);
        let report = Peer::to(port).ask(response, unread).upload(unread).read_to_end().start(&arena).report();
        server.finish();
        let asked = *traced.calls().get(&(Caller::Program, "epoll_ctl".to_owned())).expect("closes ask for sets");
        assert!(asked < 50, "{asked} numbers were asked after {way}");
        assert!(report.has_all_of(response), "{way}: {report:?}");
    }
}

//! The strategies, as the peer and the kernel see them: how the peer's read ends, whether anything
//! was reset, and which end holds TIME_WAIT.
//!
//! Where a strategy gives its peer time, the tests give far more than is needed, so that only an
//! event ends the wait.

use shim_tests::arena::Arena;
use shim_tests::counters::KernelCounters;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::here;
use shim_tests::peer::{End, Peer, Report};
use shim_tests::proc::{descriptors, threads, wait_until};
use shim_tests::program::{Exit, Finished};
use shim_tests::shim::Shim;
use shim_tests::twice::{Service, alike, same_transcript, says};
use shim_tests::victim::Victim;
use shim_tests::{RESPONSE, UNREAD};

/// Longer than any event of a test takes.
const FAR: &str = "20s";

/// Longer than a test may take: what waits for it fails.
const NEVER: &str = "1m";

/// All that do something.
const ACTIVE: [&str; 6] = ["drain", "wait", "both", "linger", "abort", "peer-first"];

/// Those whose FIN tells the peer that it has everything.
const ORDERLY: [&str; 5] = ["drain", "wait", "both", "linger", "peer-first"];

/// Every road but the end of the process.
const ROADS: [&str; 8] = ["close", "SYS_close", "fclose", "freopen", "dup2", "close_range", "closefrom", "execve"];

fn under(strategy: &str, victim: Victim) -> Victim {
    victim.env("SOFTCLOSE_STRATEGY", strategy).env("SOFTCLOSE_PEER_FIRST", "100ms")
}

fn early(strategy: &str) -> Victim {
    under(strategy, Victim::c("blocking"))
}

/// Which side waits for late segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TimeWait {
    Nobody,
    Victim,
    Peer,
}

/// What one connection came to.
#[derive(Debug)]
struct Seen {
    report: Report,
    counters: KernelCounters,
    time_wait: TimeWait,
    finished: Finished,
}

impl Seen {
    fn is_orderly(&self) -> bool {
        self.report.has_all_of(RESPONSE) && self.counters.are_clean(1)
    }

    fn is_reset(&self) -> bool {
        self.report.end == End::Reset && self.counters.resets_sent != 0 && self.counters.connections_reset != 0
    }
}

/// A victim that leaves nothing unread, and what a peer does once it has asked.
fn seen(test: &str, victim: &Victim, shim: Shim, script: impl FnOnce(Peer) -> Peer) -> Option<Seen> {
    seen_with(test, victim, shim, 0, script)
}

/// The same with so many bytes unread, which the script sends.
fn seen_with(
    test: &str,
    victim: &Victim,
    shim: Shim,
    unread: usize,
    script: impl FnOnce(Peer) -> Peer,
) -> Option<Seen> {
    const TIME_WAIT: u8 = 6;
    let arena = Arena::or_skip(test)?;
    let before = arena.counters();
    let mut victim = victim.start(&arena, shim);
    let port = victim.port();
    let mut peer = script(Peer::to(port).ask(RESPONSE, unread)).start(&arena);
    let report = peer.report();
    peer.program().exit();
    let others = || arena.sockets().into_iter().filter(|socket| socket.state != shim_tests::proc::LISTEN);
    wait_until("the connection has ended", || others().all(|socket| socket.state == TIME_WAIT));
    let time_wait = match &others().map(|socket| socket.port == port).collect::<Vec<_>>()[..] {
        [] => TimeWait::Nobody,
        [true] => TimeWait::Victim,
        [false] => TimeWait::Peer,
        more => panic!("{} connections", more.len()),
    };
    let counters = arena.counters().since(before);
    Some(Seen { report, counters, time_wait, finished: victim.finish() })
}

mod time_wait {
    use super::*;

    fn is_held_by(test: &str, victim: &Victim, shim: Shim, holder: TimeWait) {
        let Some(seen) = seen(test, victim, shim, Peer::read_to_end) else { return };
        assert!(seen.is_orderly(), "{seen:#?}");
        assert_eq!(seen.time_wait, holder, "{seen:#?}");
    }

    #[test]
    fn is_held_by_who_sends_the_first_fin() {
        is_held_by(here!(), &early("drain"), Shim::Native, TimeWait::Victim);
        for strategy in ORDERLY.into_iter().chain(["observe"]) {
            is_held_by(here!(), &early(strategy), Shim::Preloaded, TimeWait::Victim);
        }
    }

    #[test]
    fn is_held_by_who_sends_the_first_fin_with_the_inline_engine() {
        for strategy in ORDERLY {
            let victim = early(strategy).env("SOFTCLOSE_ENGINE", "inline");
            is_held_by(here!(), &victim, Shim::Preloaded, TimeWait::Victim);
        }
    }

    #[test]
    fn is_held_by_a_peer_that_is_given_time_to_close_first() {
        for engine in ["thread", "inline"] {
            let victim = early("peer-first").env("SOFTCLOSE_PEER_FIRST", FAR).env("SOFTCLOSE_IDLE", NEVER);
            let victim = victim.env("SOFTCLOSE_ENGINE", engine);
            let closes_first = |peer: Peer| peer.read(RESPONSE).fin().read_to_end();
            let Some(seen) = seen(here!(), &victim, Shim::Preloaded, closes_first) else { return };
            assert!(seen.is_orderly(), "{engine}: {seen:#?}");
            assert_eq!(seen.time_wait, TimeWait::Peer, "{engine}: {seen:#?}");
        }
    }

    #[test]
    fn is_held_by_nobody_after_an_abort() {
        for engine in ["thread", "inline"] {
            let victim = early("abort").env("SOFTCLOSE_ENGINE", engine);
            let Some(seen) = seen(here!(), &victim, Shim::Preloaded, Peer::read_to_end) else { return };
            assert!(seen.is_reset(), "{engine}: {seen:#?}");
            assert_eq!(seen.time_wait, TimeWait::Nobody, "{engine}: {seen:#?}");
        }
    }
}

/// The request is not read to its end.
mod with_a_request_unread {
    use super::*;

    fn all_of_it(strategy: &str) -> Gauntlet {
        Gauntlet::of(early(strategy))
    }

    #[test]
    fn who_reads_delivers() {
        for strategy in ["drain", "peer-first"] {
            all_of_it(strategy).delivers(here!());
            Gauntlet::of(early(strategy).env("SOFTCLOSE_ENGINE", "inline")).delivers(here!());
        }
    }

    #[test]
    fn who_does_not_read_loses_as_natively() {
        for strategy in ["both", "linger", "abort", "observe"] {
            all_of_it(strategy).loses(here!(), Shim::Preloaded);
            Gauntlet::of(early(strategy).env("SOFTCLOSE_ENGINE", "inline")).loses(here!(), Shim::Preloaded);
        }
    }

    #[test]
    fn who_only_waits_delivers_what_the_window_has_room_for() {
        all_of_it("wait").upload(0).prove(here!());
        Gauntlet::of(early("wait").env("SOFTCLOSE_ENGINE", "inline")).upload(0).delivers(here!());
    }

    /// The window fills, and the peer's FIN stays behind what it has no room for.
    #[test]
    fn who_only_waits_resets_the_rest_when_the_bound_is_over() {
        for engine in ["thread", "inline"] {
            let victim = early("wait").env("SOFTCLOSE_TIMEOUT", "500ms").env("SOFTCLOSE_ENGINE", engine);
            let Some(outcome) = Gauntlet::of(victim).run(here!(), Shim::Preloaded) else { return };
            assert_eq!(outcome.counters.abort_on_close, 1, "{engine}: {outcome:#?}");
        }
    }

    /// A strategy that does not read cannot tell that the peer is silent.
    #[test]
    fn who_only_waits_knows_no_silence() {
        let victim = under("wait", Victim::c("serve").arg("1")).env("SOFTCLOSE_IDLE", "50ms");
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let mut victim = victim.env("SOFTCLOSE_TIMEOUT", NEVER).start(&arena, Shim::Preloaded);
        let port = victim.port();
        let mut peer = Peer::to(port).ask(1024, 0).read_to_end().tell("read").wait().start(&arena);
        victim.expect("closed");
        peer.told("read");
        let held = || arena.sockets().iter().any(|socket| socket.is_held_by_server(port));
        assert!(!shim_tests::proc::becomes_true(std::time::Duration::from_secs(1), || !held()));
        peer.leave();
        wait_until("the peer has left, and the socket is gone", || !held());
    }
}

/// Nothing is unread at the close; the peer sends later.
mod with_a_request_that_goes_on {
    use super::*;

    #[test]
    fn who_keeps_the_receive_side_open_delivers() {
        for strategy in ["drain", "peer-first"] {
            Gauntlet::of(early(strategy)).after_close().delivers(here!());
        }
        Gauntlet::of(early("wait")).after_close().upload(16 << 10).prove(here!());
    }

    #[test]
    fn who_shuts_it_loses_as_natively() {
        for strategy in ["both", "linger", "observe"] {
            Gauntlet::of(early(strategy)).after_close().loses(here!(), Shim::Preloaded);
        }
    }
}

/// `SO_LINGER{1,n}` waits until the FIN is acknowledged: its peer does not read yet.
mod a_lingering_close {
    use super::*;

    #[test]
    fn returns_at_once_and_lasts_until_the_peer_has_acknowledged() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let victim = early("linger").env("SOFTCLOSE_TIMEOUT", NEVER).env("SOFTCLOSE_IDLE", "50ms");
        let mut victim = victim.start(&arena, Shim::Preloaded);
        let port = victim.port();
        let script = Peer::to(port).ask(RESPONSE, 0).wait().read_to_end().tell("read").wait();
        let mut peer = script.start(&arena);
        victim.expect("closed");
        let held = || arena.sockets().iter().any(|socket| socket.is_held_by_server(port));
        assert!(held());
        peer.go();
        peer.told("read");
        // Its FIN is not waited for.
        wait_until("everything is acknowledged, and the socket is gone", || !held());
        peer.leave();
    }

    #[test]
    fn lasts_no_longer_than_the_total_bound() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let mut victim = early("linger").env("SOFTCLOSE_TIMEOUT", "300ms").start(&arena, Shim::Preloaded);
        let port = victim.port();
        let mut peer = Peer::to(port).ask(RESPONSE, 0).wait().read_to_end().start(&arena);
        victim.expect("closed");
        wait_until("the socket is gone", || !arena.sockets().iter().any(|socket| socket.is_held_by_server(port)));
        peer.go();
        // As after a lingering close whose time is over: the kernel goes on alone.
        let report = peer.report();
        assert!(report.has_all_of(RESPONSE), "{report:?}");
    }

    /// A program that sets the option by itself, natively.
    #[test]
    fn is_to_its_peer_what_the_option_is() {
        for unread in [0, UNREAD] {
            let of = |victim: Victim, shim| {
                let script = |peer: Peer| peer.upload(unread).read_to_end();
                let seen = seen_with(here!(), &victim, shim, unread, script)?;
                Some((seen.report.end, seen.time_wait, seen.counters.abort_on_close, seen.counters.connections_reset))
            };
            let native = of(Victim::c("road_linger").arg("close"), Shim::Native);
            assert_eq!(native, of(early("linger"), Shim::Preloaded), "natively on the left");
        }
    }

    /// By the kernel's own hand: the second is that of SO_LINGER{1,1}.
    #[test]
    fn of_the_inline_engine_blocks() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let victim = under("linger", Victim::c("quick_close")).env("SOFTCLOSE_ENGINE", "inline");
        let mut victim = victim.env("SOFTCLOSE_TIMEOUT", "1s").start(&arena, Shim::Preloaded);
        let _peer = Peer::to(victim.port()).ask(RESPONSE, 0).wait().start(&arena);
        let took: u64 = victim.expect("took ").parse().expect("milliseconds");
        assert!(took >= 900, "{took} ms");
    }
}

/// The peer neither reads nor closes, and yet the program goes on.
#[test]
fn a_close_waits_for_nobody() {
    for strategy in ACTIVE {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let victim = early(strategy).env("SOFTCLOSE_TIMEOUT", NEVER).env("SOFTCLOSE_IDLE", NEVER);
        let mut victim = victim.env("SOFTCLOSE_PEER_FIRST", NEVER).start(&arena, Shim::Preloaded);
        let _peer = Peer::to(victim.port()).ask(RESPONSE, 0).wait().start(&arena);
        victim.expect("closed");
    }
}

/// The promise is the same for all of them.
mod whatever_the_strategy {
    use super::*;

    #[test]
    fn a_connection_of_which_a_copy_is_kept_goes_on() {
        for strategy in ACTIVE {
            for road in ["close", "dup2"] {
                goes_on(here!(), strategy, Victim::c("road_kept").arg(road));
            }
        }
    }

    #[test]
    fn a_connection_of_the_parent_goes_on() {
        for strategy in ACTIVE {
            for kind in ["fork", "vfork"] {
                goes_on(here!(), strategy, Victim::c("road_parent_goes_on").arg("close").arg(kind));
            }
        }
    }

    /// Until the last reference goes, which is an abort where that is wanted: the victim
    /// has heard the peer's second word, and answered.
    fn goes_on(test: &str, strategy: &str, victim: Victim) {
        let victim = under(strategy, victim);
        if strategy != "abort" {
            return Service::of(victim).prove(test);
        }
        let half = |peer: Peer| peer.read(RESPONSE / 2).say("next").read_to_end();
        let Some(seen) = seen(test, &victim, Shim::Preloaded, half) else { return };
        assert!(seen.is_reset() && seen.report.received >= RESPONSE / 2, "{seen:#?}");
        assert_eq!(seen.finished.exit, Exit::Code(0), "{seen:#?}");
    }

    #[test]
    fn every_other_kind_of_descriptor_is_closed_as_natively() {
        for strategy in ["drain", "wait", "both", "linger", "observe"] {
            same_transcript(here!(), &under(strategy, Victim::c("other_fds")));
        }
        // Of connections these show a reset, and a FIN that is late.
        for strategy in ["abort", "peer-first"] {
            alike(here!(), |arena, shim| {
                let finished = under(strategy, Victim::c("other_fds")).start(arena, shim).finish();
                without_connections(finished.stdout)
            });
        }
    }

    /// Without the parts that are headed `TCP ...`; what belongs to one is indented.
    fn without_connections(lines: Vec<String>) -> Vec<String> {
        let mut is_tcp = false;
        let mut others = lines;
        others.retain(|line| {
            is_tcp = if line.starts_with(' ') { is_tcp } else { line.starts_with("TCP ") };
            !is_tcp
        });
        assert!(others.len() > 100, "{others:#?}");
        others
    }

    #[test]
    fn answers_and_errno_are_those_of_libc() {
        for strategy in ACTIVE {
            same_transcript(here!(), &under(strategy, Victim::c("road_errno")));
        }
    }

    #[test]
    fn no_number_is_closed_twice() {
        for strategy in ["linger", "peer-first"] {
            let victim = Victim::c("number_race").arg("close");
            says(here!(), &under(strategy, victim), &["lost: 0"]);
        }
    }

    #[test]
    fn an_epoll_set_never_reports_it_again() {
        for strategy in ORDERLY {
            for trigger in ["level", "edge"] {
                let victim = under(strategy, Victim::c("road_epoll").arg("close").arg(trigger));
                says(here!(), &victim, &["events: 0", "EPOLL_CTL_DEL: -1 ENOENT"]);
            }
        }
    }

    #[test]
    fn a_program_that_asks_for_a_reset_gets_it() {
        for strategy in ACTIVE {
            let victim = Victim::c("road_reset").arg("close");
            says(here!(), &under(strategy, victim), &["events: 1 0x201d", "recv: -1 ECONNRESET"]);
        }
    }

    #[test]
    fn a_program_that_asks_for_a_wait_gets_it() {
        for strategy in ACTIVE {
            says(here!(), &under(strategy, Victim::c("linger").arg("second").arg("close")), &["soon"]);
        }
    }
}

mod on_every_road {
    use super::*;

    fn ends(test: &str, strategy: &str, is_right: impl Fn(&Seen) -> bool) {
        for road in ROADS {
            let victim = under(strategy, Victim::c("road").arg(road));
            let Some(seen) = seen(test, &victim, Shim::Preloaded, Peer::read_to_end) else { return };
            assert!(is_right(&seen), "{strategy} {road}: {seen:#?}");
            assert_eq!(seen.finished.exit, Exit::Code(0), "{strategy} {road}: {seen:#?}");
        }
    }

    #[test]
    fn an_abort_is_a_reset() {
        ends(here!(), "abort", |seen| seen.is_reset() && seen.time_wait == TimeWait::Nobody);
    }

    #[test]
    fn the_others_end_with_a_fin() {
        for strategy in ["wait", "both", "linger", "peer-first"] {
            ends(here!(), strategy, |seen| seen.is_orderly() && seen.time_wait == TimeWait::Victim);
        }
    }

    #[test]
    fn who_waits_delivers_with_a_request_unread() {
        for road in ROADS {
            Gauntlet::of(under("wait", Victim::c("road").arg(road))).upload(0).delivers(here!());
            Gauntlet::of(under("peer-first", Victim::c("road").arg(road))).delivers(here!());
        }
    }
}

mod at_the_end_of_the_process {
    use super::*;

    const WAYS: [&str; 4] = ["return", "exit", "_exit", "quick_exit"];

    fn open(strategy: &str, way: &str) -> Victim {
        under(strategy, Victim::c("exit_open").arg(way)).env("SOFTCLOSE_EXIT_TIMEOUT", FAR)
    }

    #[test]
    fn an_abort_is_a_reset() {
        for way in WAYS {
            let Some(seen) = seen(here!(), &open("abort", way), Shim::Preloaded, Peer::read_to_end) else { return };
            assert!(seen.is_reset() && seen.time_wait == TimeWait::Nobody, "{way}: {seen:#?}");
            assert_eq!(seen.finished.exit, Exit::Code(7), "{way}: {seen:#?}");
        }
    }

    #[test]
    fn the_others_end_with_a_fin() {
        for strategy in ["wait", "both", "linger", "peer-first", "observe"] {
            let Some(seen) = seen(here!(), &open(strategy, "exit"), Shim::Preloaded, Peer::read_to_end) else { return };
            assert!(seen.is_orderly(), "{strategy}: {seen:#?}");
            assert_eq!(seen.finished.exit, Exit::Code(7), "{strategy}: {seen:#?}");
        }
    }

    #[test]
    fn who_reads_or_waits_delivers_with_a_request_unread() {
        for way in WAYS {
            Gauntlet::of(open("peer-first", way)).exits_with(7).delivers(here!());
            Gauntlet::of(open("wait", way)).upload(0).exits_with(7).delivers(here!());
        }
        let pending =
            |strategy| under(strategy, Victim::c("exit_pending").arg("exit")).env("SOFTCLOSE_EXIT_TIMEOUT", FAR);
        Gauntlet::of(pending("peer-first")).exits_with(7).delivers(here!());
        Gauntlet::of(pending("wait")).upload(0).exits_with(7).delivers(here!());
    }

    #[test]
    fn who_does_neither_loses_as_natively() {
        for strategy in ["both", "linger", "abort", "observe"] {
            Gauntlet::of(open(strategy, "exit")).exits_with(7).loses(here!(), Shim::Preloaded);
        }
    }
}

/// `shutdown(SHUT_RDWR)` before the close.
mod after_both_directions_are_shut {
    use super::*;

    fn shut(strategy: &str) -> Gauntlet {
        let victim = Victim::c("shut").arg("respond").arg("RDWR").arg("close");
        Gauntlet::of(under(strategy, victim).env("SOFTCLOSE_SHUTDOWN_GRACE", FAR))
    }

    #[test]
    fn who_needs_the_receive_side_still_has_it() {
        shut("peer-first").delivers(here!());
        shut("wait").upload(0).delivers(here!());
    }

    #[test]
    fn the_others_leave_shutdown_alone() {
        for strategy in ["both", "linger", "abort", "observe"] {
            shut(strategy).loses(here!(), Shim::Preloaded);
        }
    }
}

mod observing {
    use super::*;

    fn observed(victim: Victim) -> Victim {
        under("observe", victim).env("SOFTCLOSE_LOG", "debug")
    }

    /// The value of ` key=` in the only line that has `word`.
    fn value(finished: &Finished, word: &str, key: &str) -> String {
        let lines: Vec<_> = finished.stderr.iter().filter(|line| line.contains(word)).collect();
        let [line] = lines[..] else { panic!("not one line with {word:?}: {finished:#?}") };
        let found = line.split(' ').find_map(|field| field.strip_prefix(key)?.strip_prefix('='));
        found.unwrap_or_else(|| panic!("no {key} in {line:?}")).to_owned()
    }

    fn tells_what_is_lost(test: &str, gauntlet: &Gauntlet) {
        let Some(outcome) = gauntlet.run(test, Shim::Preloaded) else { return };
        assert!(!outcome.reports.all(|report| report.has_all_of(RESPONSE)), "{outcome:#?}");
        let finished = &outcome.finished;
        assert_eq!(value(finished, " observed ", "state"), "established");
        assert_eq!(value(finished, " observed ", "unread"), UNREAD.to_string());
        let unacknowledged: usize = value(finished, " observed ", "unacknowledged").parse().expect("bytes");
        let unsent: usize = value(finished, " observed ", "unsent").parse().expect("bytes");
        assert!((1..=RESPONSE).contains(&unacknowledged) && unsent <= unacknowledged, "{finished:#?}");
        assert_eq!(value(finished, " exit ", "observed"), "1");
        assert_eq!(value(finished, " exit ", "observed-resets"), "1");
        assert_eq!(value(finished, " exit ", "observed-unread"), UNREAD.to_string());
        assert_eq!(value(finished, " exit ", "observed-unacknowledged"), unacknowledged.to_string());
    }

    #[test]
    fn tells_what_a_close_loses() {
        let mut roads = ROADS.to_vec();
        // The line at exit is that of the process, and the image after it has another.
        roads.retain(|&road| road != "execve");
        for road in roads {
            let victim = observed(Victim::c("road").arg(road));
            tells_what_is_lost(here!(), &Gauntlet::of(victim).upload(0));
        }
    }

    #[test]
    fn tells_what_the_end_of_the_process_loses() {
        let victim = observed(Victim::c("exit_open").arg("exit"));
        tells_what_is_lost(here!(), &Gauntlet::of(victim).upload(0).exits_with(7));
    }

    #[test]
    fn tells_what_an_exec_loses() {
        let gauntlet = Gauntlet::of(observed(Victim::c("road").arg("execve"))).upload(0);
        let Some(outcome) = gauntlet.run(here!(), Shim::Preloaded) else { return };
        assert_eq!(value(&outcome.finished, " observed ", "unread"), UNREAD.to_string());
    }

    /// A reset for the peer, the same words of the program, no thread, no descriptor.
    #[test]
    fn changes_nothing() {
        for word in ["close", "closefrom"] {
            alike(here!(), |arena, shim| {
                let victim = under("observe", Victim::c("road").arg(word)).env("SOFTCLOSE_ENGINE", "thread");
                let mut victim = victim.start(arena, shim);
                let before = arena.counters();
                let script = Peer::to(victim.port()).ask(RESPONSE, UNREAD).upload(UNREAD).wait().read_to_end();
                let mut peer = script.start(arena);
                victim.expect("closed");
                let left = (threads(victim.pid()), descriptors(victim.pid()));
                peer.go();
                let end = peer.report().end;
                let counters = arena.counters().since(before);
                let finished = shim_tests::twice::without_port(victim.finish());
                (left, end, counters.abort_on_close, counters.connections_reset, finished)
            });
        }
    }

    #[test]
    fn leaves_an_epoll_set_and_the_threads_of_a_process_that_ends_as_they_are() {
        same_transcript(here!(), &under("observe", Victim::c("road_epoll").arg("close").arg("level")));
        same_transcript(here!(), &under("observe", Victim::c("exit_ends_threads").arg("exit")));
    }
}

mod rules {
    use super::*;

    fn by(rules: &str, victim: Victim) -> Victim {
        victim.env("SOFTCLOSE_RULES", rules)
    }

    #[track_caller]
    fn choose(test: &str, rules: &str, is_right: impl Fn(&Seen) -> bool) {
        let victim = by(rules, Victim::c("blocking"));
        let Some(seen) = seen(test, &victim, Shim::Preloaded, Peer::read_to_end) else { return };
        assert!(is_right(&seen), "{rules}: {seen:#?}");
        assert!(seen.finished.stderr.is_empty(), "{rules}: {seen:#?}");
    }

    #[test]
    fn choose_by_role() {
        choose(here!(), "accepted=abort", Seen::is_reset);
        choose(here!(), "connected=abort", Seen::is_orderly);
    }

    #[test]
    fn choose_by_role_of_a_client() {
        let client = |rules| Gauntlet::of(by(rules, Victim::c("client"))).victim_connects().upload(512 << 10);
        client("accepted=abort").delivers(here!());
        client("connected=observe").loses(here!(), Shim::Preloaded);
    }

    #[test]
    fn choose_by_port() {
        choose(here!(), "local:1-65535=abort", Seen::is_reset);
        choose(here!(), "local:1=abort", Seen::is_orderly);
    }

    #[test]
    fn choose_by_peer() {
        choose(here!(), "peer:127.0.0.0/8=abort", Seen::is_reset);
        choose(here!(), "peer:127.0.0.1=abort", Seen::is_reset);
        choose(here!(), "peer:10.0.0.0/8=abort", Seen::is_orderly);
    }

    #[test]
    fn choose_by_all_conditions_together() {
        choose(here!(), "accepted,peer:127.0.0.1,local:1-65535=abort", Seen::is_reset);
        choose(here!(), "connected,peer:127.0.0.1=abort", Seen::is_orderly);
    }

    #[test]
    fn choose_the_first_that_fits() {
        choose(here!(), "accepted=drain;peer:127.0.0.1=abort", Seen::is_orderly);
        choose(here!(), "peer:10.0.0.0/8=drain;peer:127.0.0.1=abort;accepted=drain", Seen::is_reset);
    }

    #[test]
    fn leave_the_rest_to_the_general_strategy() {
        let victim = by("connected=drain", early("abort"));
        let Some(seen) = seen(here!(), &victim, Shim::Preloaded, Peer::read_to_end) else { return };
        assert!(seen.is_reset(), "{seen:#?}");
    }

    #[test]
    fn choose_at_the_end_of_the_process_as_well() {
        for (rules, is_reset) in [("accepted=abort", true), ("connected=abort", false), ("peer:127.0.0.1=both", false)]
        {
            let victim = by(rules, Victim::c("exit_open").arg("exit"));
            let Some(seen) = seen(here!(), &victim, Shim::Preloaded, Peer::read_to_end) else { return };
            assert!(if is_reset { seen.is_reset() } else { seen.is_orderly() }, "{rules}: {seen:#?}");
        }
    }

    #[test]
    fn of_which_one_is_bad_leave_the_others_in_force() {
        let victim = by("accepted=drian;accepted=abort", Victim::c("blocking"));
        let Some(seen) = seen(here!(), &victim, Shim::Preloaded, Peer::read_to_end) else { return };
        assert!(seen.is_reset(), "{seen:#?}");
        let [line] = &seen.finished.stderr[..] else { panic!("not one line: {seen:#?}") };
        assert!(line.contains("SOFTCLOSE_RULES: rule 1, \"accepted=drian\""), "{line}");
    }
}

/// One line says what was done, and by which strategy.
#[test]
fn the_log_names_the_strategy() {
    for strategy in ACTIVE {
        let victim = early(strategy).env("SOFTCLOSE_LOG", "debug");
        let Some(seen) = seen(here!(), &victim, Shim::Preloaded, Peer::read_to_end) else { return };
        let word = format!(" strategy={strategy} ");
        assert!(seen.finished.stderr.iter().any(|line| line.contains(&word)), "{seen:#?}");
    }
}

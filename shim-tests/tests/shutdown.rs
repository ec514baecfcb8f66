//! `shutdown(SHUT_RDWR)` before the close, as many tutorials advise. Shutting the receive side
//! would make the kernel reset the connection, so softclose does it a moment later, or not at all.
//! Threads that wait for it still wake, and a program that looks at the connection sees what it
//! would see natively.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::here;
use shim_tests::peer::Peer;
use shim_tests::proc::{becomes_true, descriptors, threads};
use shim_tests::program::Exit;
use shim_tests::shim::Shim;
use shim_tests::twice::{same_transcript, says, twice};
use shim_tests::victim::Victim;
use std::time::Duration;

/// Longer than any event of a test takes, so that only an event at once passes.
const FAR: &str = "20s";

fn shut(words: &[&str]) -> Victim {
    words.iter().fold(Victim::c("shut"), |victim, word| victim.arg(*word))
}

/// On a busy machine more than the default grace may go by before the close: all
/// but the first have one that is long enough.
mod is_delivered {
    use super::*;

    fn delivers(test: &str, words: &[&str]) {
        Gauntlet::of(patient(words)).prove(test);
    }

    fn patient(words: &[&str]) -> Victim {
        shut(words).env("SOFTCLOSE_SHUTDOWN_GRACE", FAR)
    }

    #[test]
    fn after_both_directions_and_a_close_within_the_default_grace() {
        Gauntlet::of(shut(&["respond", "RDWR", "close"])).prove(here!());
    }

    #[test]
    fn after_both_directions_and_a_close() {
        delivers(here!(), &["respond", "RDWR", "close"]);
    }

    #[test]
    fn after_the_read_side_and_a_close() {
        delivers(here!(), &["respond", "RD", "close"]);
    }

    #[test]
    fn after_the_read_side_before_the_response_and_a_close() {
        delivers(here!(), &["RD", "respond", "close"]);
    }

    #[test]
    fn after_each_direction_and_a_close() {
        delivers(here!(), &["respond", "WR", "RD", "close"]);
        delivers(here!(), &["respond", "RD", "WR", "close"]);
    }

    #[test]
    fn after_all_of_them_twice_and_a_close() {
        delivers(here!(), &["respond", "WR", "RDWR", "RD", "RDWR", "close"]);
    }

    #[test]
    fn after_system_calls_and_a_close() {
        delivers(here!(), &["respond", "SYS_RDWR", "close"]);
        delivers(here!(), &["respond", "SYS_RD", "SYS_close"]);
    }

    #[test]
    fn after_both_directions_and_the_end_of_the_process() {
        Gauntlet::of(patient(&["respond", "RDWR", "exit"])).exits_with(7).prove(here!());
        Gauntlet::of(patient(&["respond", "RDWR", "_exit"])).exits_with(7).prove(here!());
        Gauntlet::of(patient(&["respond", "RD", "exit"])).exits_with(7).prove(here!());
    }

    #[test]
    fn after_both_directions_and_any_other_road() {
        for road in ["fclose", "freopen", "dup2", "close_range", "closefrom", "execve"] {
            delivers(here!(), &["respond", "RDWR", road]);
        }
    }

    #[test]
    fn with_nothing_unread_to_a_peer_that_sends_after_the_close() {
        Gauntlet::of(patient(&["respond", "RDWR", "close"])).after_close().prove(here!());
    }

    /// The peers read when all is done: one that could read before would have its
    /// response natively, too.
    #[test]
    fn on_three_hundred_connections_at_once() {
        let victim = Victim::c("shut_many").arg("RDWR").arg("300").arg("close");
        let victim = victim.env("SOFTCLOSE_SHUTDOWN_GRACE", FAR).env("SOFTCLOSE_IDLE", FAR);
        Gauntlet::of(victim).at_once(300).after_close().prove(here!());
    }
}

mod is_what_it_is_natively {
    use super::*;

    fn loses(test: &str, name: &str, value: &str) {
        let gauntlet = Gauntlet::of(shut(&["respond", "RDWR", "close"]).env(name, value));
        gauntlet.loses(test, Shim::Native);
        gauntlet.loses(test, Shim::Preloaded);
    }

    #[test]
    fn without_a_grace() {
        loses(here!(), "SOFTCLOSE_SHUTDOWN_GRACE", "0");
    }

    #[test]
    fn with_the_shim_disabled() {
        loses(here!(), "SOFTCLOSE_DISABLE", "1");
    }

    /// Nobody is there to do the other half later.
    #[test]
    fn with_the_inline_engine() {
        let victim = Victim::c("shut_wakes").arg("RDWR").arg("recv").env("SOFTCLOSE_ENGINE", "inline");
        says(here!(), &victim, &["recv: 0", "recv: 0"]);
    }
}

/// The whole transcript is that of libc: also which events there are.
mod wakes {
    use super::*;

    fn wakes(test: &str, how: &str) {
        for word in ["RD", "RDWR", "SYS_RDWR"] {
            same_transcript(test, &Victim::c("shut_wakes").arg(word).arg(how));
        }
    }

    #[test]
    fn a_thread_in_recv() {
        wakes(here!(), "recv");
    }

    #[test]
    fn a_thread_in_read() {
        wakes(here!(), "read");
    }

    #[test]
    fn a_thread_in_recvmsg() {
        wakes(here!(), "recvmsg");
    }

    #[test]
    fn a_thread_in_poll() {
        wakes(here!(), "poll");
    }

    #[test]
    fn a_thread_in_select() {
        wakes(here!(), "select");
    }

    #[test]
    fn a_thread_in_epoll_wait() {
        wakes(here!(), "level");
    }

    #[test]
    fn a_thread_in_edge_triggered_epoll_wait() {
        wakes(here!(), "edge");
    }

    fn wakes_loop(test: &str, trigger: &str) {
        for (word, end) in [("RD", "0x2000"), ("RDWR", "0x2010")] {
            says(test, &Victim::c("shut_loop").arg(word).arg(trigger), &[&format!("the end: {end}")]);
        }
    }

    #[test]
    fn an_event_loop_that_reads_on() {
        wakes_loop(here!(), "level");
    }

    #[test]
    fn an_edge_triggered_event_loop_that_reads_on() {
        wakes_loop(here!(), "edge");
    }

    /// However many there are, and whatever may be held.
    #[test]
    fn the_readers_of_three_hundred_connections() {
        for cap in ["auto", "4"] {
            twice(here!(), |arena, shim| {
                let victim = Victim::c("shut_many").arg("RDWR").arg("300").arg("read");
                let mut victim = victim.env("SOFTCLOSE_MAX_PENDING", cap).start(arena, shim);
                let script = Peer::to(victim.port()).copies(300).ask(64, 0).read(64).tell("got").wait();
                let mut peers = script.start(arena);
                peers.told("got");
                assert_eq!(victim.expect("ended: "), "300", "{shim:?}, at most {cap}");
                peers.leave();
                assert_eq!(victim.finish().exit, Exit::Code(0), "{shim:?}, at most {cap}");
            });
        }
    }
}

mod shows_what_it_shows_natively {
    use super::*;

    fn to_those_who_look_at_the_end(test: &str, victim: &str, word: &str) {
        same_transcript(test, &Victim::c(victim).arg(word));
    }

    #[test]
    fn to_readers_when_both_directions_are_shut() {
        to_those_who_look_at_the_end(here!(), "shut_data", "RDWR");
        to_those_who_look_at_the_end(here!(), "shut_data", "SYS_RDWR");
    }

    #[test]
    fn to_readers_when_the_read_side_is_shut() {
        to_those_who_look_at_the_end(here!(), "shut_data", "RD");
    }

    #[test]
    fn to_writers_when_both_directions_are_shut() {
        to_those_who_look_at_the_end(here!(), "shut_write", "RDWR");
        to_those_who_look_at_the_end(here!(), "shut_write", "SYS_RDWR");
    }

    #[test]
    fn to_writers_when_the_read_side_is_shut() {
        to_those_who_look_at_the_end(here!(), "shut_write", "RD");
    }

    /// A grace that is far too long, were it granted to one of them.
    #[test]
    fn at_once_to_everything_but_connections() {
        same_transcript(here!(), &Victim::c("shut_other").env("SOFTCLOSE_SHUTDOWN_GRACE", FAR));
    }

    /// Before the other half has come, that is.
    #[test]
    fn at_once_to_writers() {
        let victim = Victim::c("shut_write_first").env("SOFTCLOSE_SHUTDOWN_GRACE", FAR);
        says(here!(), &victim, &["send: EPIPE", "soon"]);
    }
}

/// The connection has other holders, who are told as well.
mod ends_the_recv_of {
    use super::*;

    fn ends(test: &str, who: &str) {
        for word in ["RD", "RDWR"] {
            says(test, &Victim::c("shut_shared").arg(word).arg(who), &["recv: 0"]);
        }
    }

    #[test]
    fn a_child() {
        ends(here!(), "child");
    }

    #[test]
    fn a_parent() {
        ends(here!(), "parent");
    }

    #[test]
    fn a_parent_of_a_vfork_child() {
        ends(here!(), "vfork");
    }

    #[test]
    fn a_child_that_is_made_after_it() {
        ends(here!(), "forked-after");
    }

    #[test]
    fn a_child_that_is_made_after_it_and_left_alone() {
        ends(here!(), "orphan");
    }

    #[test]
    fn a_copy_when_the_number_is_closed() {
        ends(here!(), "copy");
    }

    #[test]
    fn a_copy_when_the_number_is_covered() {
        ends(here!(), "covered");
    }

    #[test]
    fn a_copy_when_the_number_is_closed_by_a_range() {
        ends(here!(), "ranged");
    }

    #[test]
    fn a_copy_when_an_instruction_closes_the_number() {
        ends(here!(), "by-instruction");
    }

    #[test]
    fn a_new_image() {
        ends(here!(), "executed");
    }

    #[test]
    fn a_process_that_it_was_passed_to() {
        ends(here!(), "passed");
    }
}

/// Nothing of it is left a little over a second later, though the program keeps
/// the connection.
#[test]
fn leaves_no_thread_and_no_descriptor() {
    const A_LITTLE_OVER_A_SECOND: Duration = Duration::from_secs(4);
    let mut natively = None;
    twice(here!(), |arena, shim| {
        let mut victim = shut(&["respond", "RDWR"]).start(arena, shim);
        let _peer = Peer::to(victim.port()).ask(64, 0).wait().start(arena);
        victim.expect("closed");
        let look = || (descriptors(victim.pid()), threads(victim.pid()));
        match shim {
            Shim::Native => natively = Some(look()),
            Shim::Preloaded => {
                let same = becomes_true(A_LITTLE_OVER_A_SECOND, || Some(look()) == natively);
                assert!(same, "natively {natively:?}\nshimmed {:?}", look());
            }
        }
    });
}

/// Nobody has to wait for a grace at the end of a process.
#[test]
fn does_not_delay_the_end_of_a_process() {
    let victim = shut(&["respond", "RDWR", "exit"]).env("SOFTCLOSE_SHUTDOWN_GRACE", FAR);
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let mut victim = victim.start(&arena, Shim::Preloaded);
    let mut peer = Peer::to(victim.port()).ask(64, 0).read_to_end().start(&arena);
    peer.report();
    assert!(victim.ended_within(Duration::from_secs(8)));
    assert_eq!(victim.exit(), Exit::Code(7));
}

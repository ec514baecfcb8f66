//! Epoll sets: after the close of the last reference to a connection no set reports it, whatever
//! the program has done with its sets. That takes no look at procfs.

use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::late::{Late, ends};
use shim_tests::peer::Peer;
use shim_tests::shim::Shim;
use shim_tests::strace::{self, Caller};
use shim_tests::twice::{alike, says};
use shim_tests::victim::Victim;

/// A test for each shape.
macro_rules! shapes {
    ($($(#[$meta:meta])* $name:ident: $late:ident;)*) => { $(
        $(#[$meta])*
        #[test]
        fn $name() {
            ends(here!(), "sets", stringify!($name), Late::$late);
        }
    )* };
}

/// A runtime that makes its set, and fills it, past libc.
mod by_instruction {
    use super::*;

    shapes! {
        raw_first: Taken;
        /// That there was none was found once, and remembered.
        raw_later: Taken;
        /// The number was remembered as one of libc's sets.
        raw_reused: Taken;
        raw_for_file: Taken;
        raw_beyond: Taken;
        raw_moved: Taken;
        /// The known one was left, and no other looked for.
        raw_beside_libc_s: Taken;
        raw_beside_libc_s_later: Taken;
        raw_into_another_of_libc_s: Taken;
        raw_into_another_of_libc_s_later: Taken;
        in_it_already: Taken;
    }
}

mod of_libc {
    use super::*;

    shapes! {
        /// Sixteen were remembered.
        many: Taken;
        several: Taken;
        left_and_right: Taken;
        copied_by_dup: Taken;
        copied_by_dup2: Taken;
        copied_by_dup3: Taken;
        copied_by_fcntl: Taken;
        copied_raw: Taken;
        gone: Taken;
        gone_and_reused: Taken;
        never_used: Taken;
        closed_while_a_thread_waits: Refused;
        replaced_while_a_thread_waits: Refused;
        closed_in_a_range_while_a_thread_waits: Refused;
        others_gone_while_a_thread_waits: Taken;
        closed_by_who_has_waited: Taken;
        /// `io_uring_setup` fails in every container.
        no_ring: Taken;
        another_number: Refused;
        another_number_that_was_taken_out: Taken;
        executed: Refused;
    }

    /// It was noted when the call had returned.
    #[test]
    fn entered_while_another_thread_closes() {
        says(here!(), &Victim::c("set_entered_late").arg("300"), &["served 300, ghosts: no"]);
    }
}

mod of_several_processes {
    use super::*;

    shapes! {
        only_a_child_has_the_set: Refused;
        only_a_message_has_the_set: Refused;
        a_child_uses_the_set: Taken;
        a_child_closes_first: Taken;
        a_child_closes_last: Taken;
        a_child_serves: Taken;
    }

    #[test]
    fn a_child_ends() {
        says(here!(), &Victim::c("sets").arg("a_child_ends"), &["events: 0"]);
    }
}

/// Calls of the program's own threads in all closes, of those that name a file.
fn looks(arena: &Arena, closes: u32) -> u64 {
    let victim = Victim::c("sets_beside").arg("24").arg("1000").arg(closes.to_string()).open_files(4096);
    let calls = strace::calls_of(&victim, arena, Shim::Preloaded);
    let count = |name: &str| calls.get(&(Caller::Program, name.to_owned())).copied().unwrap_or(0);
    // The thread itself may not have come to run.
    assert!(closes == 0 || count("clone") == 1, "nothing was drained: {calls:#?}");
    ["openat", "getdents64", "readlink", "readlinkat"].map(count).iter().sum()
}

/// Node has a set that it never uses; each close looked for it.
#[test]
fn a_close_beside_many_sets_looks_at_no_file() {
    let Some(arena) = strace::arena_or_skip(here!()) else { return };
    let [one, many] = [1, 40].map(|closes| looks(&arena, closes));
    assert_eq!(many, one, "in 40 closes, and in one");
}

/// The search for sets ended before the number of a set that the process had got from its former image.
#[test]
fn a_set_of_the_former_image_does_not_report_it() {
    let seen = alike(here!(), |arena, shim| {
        let mut victim = Victim::c("inherited_set").start(arena, shim);
        let peer = Peer::to(victim.port()).ask(64, 0).read(64).wait().start(arena);
        let reported = victim.expect("after the close: ");
        peer.leave();
        reported
    });
    assert!(seen.as_deref().is_none_or(|reported| reported == "0"), "{seen:?}");
}

//! Processes of one family share counts of who holds which connection: also across users, and after
//! a fork that failed.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::peer::{End, Peer};
use shim_tests::shim::Shim;
use shim_tests::strace;
use shim_tests::twice::{Service, alike, says};
use shim_tests::victim::Victim;
use shim_tests::{here, skip};

/// Some user who is not root, and has no files.
const USER: &str = "65534";

/// False where the victims cannot give up root, as there is none.
fn is_root(test: &str) -> bool {
    // SAFETY: no preconditions.
    let is_root = unsafe { libc::geteuid() } == 0;
    if !is_root {
        skip(test, "not root");
    }
    is_root
}

mod the_last_of_many_full_workers {
    use super::*;

    const CLOSES: u64 = 20;

    /// Four workers; both ends of a pair are the worker's own.
    fn victim(pairs: u64, closes: u64, user: Option<&str>) -> Victim {
        let victim = Victim::c("prefork_full").arg("4").arg(pairs.to_string()).arg(closes.to_string());
        user.into_iter().fold(victim, Victim::arg).open_files(4096).env("SOFTCLOSE_STATS", "off")
    }

    /// An ordinary user could not look at the processes, and lost every answer.
    fn loses_no_answer(test: &str, user: Option<&str>) {
        let Some(arena) = Arena::or_skip(test) else { return };
        let finished = victim(1000, CLOSES, user).start(&arena, Shim::Preloaded).finish();
        assert_eq!(finished.stdout, [format!("whole: {CLOSES}")], "{finished:#?}");
    }

    #[test]
    fn loses_no_answer_of_2000_connections() {
        loses_no_answer(here!(), None);
    }

    #[test]
    fn loses_no_answer_as_an_ordinary_user() {
        if is_root(here!()) {
            loses_no_answer(here!(), Some(USER));
        }
    }

    fn files_opened(arena: &Arena, closes: u64, user: Option<&str>) -> u64 {
        let calls = strace::calls_of(&victim(200, closes, user), arena, Shim::Preloaded);
        calls.iter().filter(|((_, name), _)| name == "openat").map(|(_, count)| count).sum()
    }

    /// Each close looked at all processes: 10 to 70 ms, as no free slot was found. What the
    /// first close takes is in both runs.
    fn looks_at_no_process(test: &str, user: Option<&str>) {
        let Some(arena) = strace::arena_or_skip(test) else { return };
        let [few, more] = [CLOSES, 2 * CLOSES].map(|closes| files_opened(&arena, closes, user));
        assert_eq!(few, more, "files opened by {CLOSES} closes and by twice as many");
    }

    #[test]
    fn looks_at_no_process_to_close() {
        looks_at_no_process(here!(), None);
    }

    #[test]
    fn looks_at_no_process_as_an_ordinary_user_either() {
        if is_root(here!()) {
            looks_at_no_process(here!(), Some(USER));
        }
    }
}

mod a_process_that_gives_up_root {
    use super::*;

    fn victim(way: &str) -> Victim {
        Victim::c("loses_root").arg(way)
    }

    /// It wrote to the counts that nobody held anything, and its master half-closed what
    /// others were serving.
    #[test]
    fn cannot_make_its_master_close_the_connections_of_others() {
        if is_root(here!()) {
            Service::of(victim("scribbler")).copies(16, 32 << 10).prove(here!());
        }
    }

    #[test]
    fn by_number_cannot_either() {
        if is_root(here!()) {
            Service::of(victim("scribbler-by-number")).copies(16, 32 << 10).prove(here!());
        }
    }

    #[test]
    fn drains_what_it_accepts_itself() {
        if is_root(here!()) {
            Gauntlet::of(victim("worker")).prove(here!());
            Gauntlet::of(victim("worker-by-number")).prove(here!());
        }
    }

    #[test]
    fn drains_what_its_parent_has_accepted_and_closed() {
        if is_root(here!()) {
            Gauntlet::of(victim("child")).prove(here!());
        }
    }

    /// A process that can take its user back has lost nothing.
    #[test]
    fn for_a_while_is_counted_as_ever() {
        if is_root(here!()) {
            Gauntlet::of(victim("child-for-a-while")).prove(here!());
        }
    }

    #[test]
    fn leaves_what_its_parent_still_serves_alone() {
        if is_root(here!()) {
            Service::of(victim("closes-first")).prove(here!());
        }
    }

    /// What they counted in the memory that was about to be left was lost: a copy that was
    /// still written to was half-closed.
    #[test]
    fn beside_threads_loses_nothing_that_they_count() {
        if is_root(here!()) {
            says(here!(), &victim("threads"), &["served"]);
        }
    }

    /// A close between the dismissal and libc's own call started a thread, which stayed root.
    #[test]
    fn beside_threads_that_close_keeps_no_thread_of_root() {
        if is_root(here!()) {
            let victim = Victim::c("setuid_threads").arg("closing");
            says(here!(), &victim, &["threads of somebody else: status 0"; 10]);
        }
    }

    /// What was held then was given up.
    #[test]
    fn for_a_while_after_a_close_delivers_what_it_has_sent() {
        if is_root(here!()) {
            Gauntlet::of(Victim::c("seteuid_after_close")).after_close().prove(here!());
        }
    }

    /// Nobody counts it for the parent.
    #[test]
    fn may_leave_a_child_that_serves() {
        if is_root(here!()) {
            Service::of(victim("grandchild")).prove(here!());
        }
    }
}

/// The connections of then counted as shared for ever.
#[test]
fn a_fork_of_libcs_own_that_fails_leaves_no_holder_behind() {
    for call in ["forkpty", "daemon"] {
        for others in ["alone", "beside"] {
            Gauntlet::of(Victim::c("libc_fork_fails").arg(call).arg(others)).prove(here!());
        }
    }
}

/// It was asked for before there was memory to note it in, and a drain took its place.
#[test]
fn the_first_connection_of_an_inherited_listener_ends_by_a_reset_if_asked_to() {
    let seen = alike(here!(), |arena, shim| {
        let mut victim = Victim::c("linger_inherited").start(arena, shim);
        Peer::to(victim.port()).ask(64, 0).read_to_end().start(arena).report().end
    });
    assert!(seen.is_none_or(|end| end == End::Reset), "{seen:?}");
}

/// It waited for what the kernel never sends: with data unread, natively it is a reset.
#[test]
fn a_close_that_lingers_with_data_unread_does_not_wait() {
    says(here!(), &Victim::c("linger").arg("unread"), &["close: 0", "soon"]);
}

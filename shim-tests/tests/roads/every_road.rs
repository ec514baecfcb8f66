//! Roads (rows) and contexts (modules): `victims/road.h` has the roads, a victim
//! `road*.c` each context.

use shim_tests::gauntlet::Gauntlet;
use shim_tests::twice::{Service, same_transcript, says};
use shim_tests::victim::Victim;
use shim_tests::{here, tests};

/// Those that leave the program as it is.
macro_rules! all_roads_but_exec {
    ($check:ident) => {
        tests!($check:
            by_close "close",
            by_syscall_close "SYS_close",
            by_fclose "fclose",
            by_freopen "freopen",
            by_freopen64 "freopen64",
            by_dup2 "dup2",
            by_dup3 "dup3",
            by_syscall_dup2 "SYS_dup2",
            by_syscall_dup3 "SYS_dup3",
            by_close_range "close_range",
            by_syscall_close_range "SYS_close_range",
            by_closefrom "closefrom",
        );
    };
}

macro_rules! all_roads {
    ($check:ident) => {
        all_roads_but_exec!($check);
        tests!($check: by_exec "execve");
    };
}

mod is_delivered {
    use super::*;

    fn delivers(test: &str, road: &str) {
        Gauntlet::of(Victim::c("road").arg(road)).prove(test);
    }

    all_roads!(delivers);
}

/// An exec is not in this table: it cannot wait for a peer that sends nothing
/// until it has seen the exec.
mod is_delivered_with_nothing_unread_to_a_peer_that_sends_later {
    use super::*;

    fn delivers(test: &str, road: &str) {
        Gauntlet::of(Victim::c("road").arg(road)).after_close().prove(test);
    }

    all_roads_but_exec!(delivers);
}

mod is_delivered_when_the_process_ends_right_after {
    use super::*;

    fn delivers(test: &str, road: &str) {
        Gauntlet::of(Victim::c("road").arg(road).arg("exit")).exits_with(7).prove(test);
        Gauntlet::of(Victim::c("road").arg(road).arg("_exit")).exits_with(7).delivers(test);
    }

    all_roads_but_exec!(delivers);
}

mod is_delivered_by_the_inline_engine {
    use super::*;

    fn delivers(test: &str, road: &str) {
        Gauntlet::of(Victim::c("road").arg(road).env("SOFTCLOSE_ENGINE", "inline")).prove(test);
    }

    all_roads!(delivers);
}

mod is_delivered_by_a_child_that_has_the_last_reference {
    use super::*;

    fn delivers(test: &str, road: &str) {
        Gauntlet::of(Victim::c("road_in_child").arg(road).arg("5")).copies(5).prove(test);
    }

    all_roads!(delivers);
}

mod is_delivered_to_a_program_that_lingers {
    use super::*;

    fn delivers(test: &str, road: &str) {
        Gauntlet::of(Victim::c("road_linger").arg(road)).prove(test);
    }

    all_roads!(delivers);
}

/// The peer reads nothing: `SO_LINGER{1,1}` waits for its second, and no longer.
mod waits_for_as_long_as_the_program_lingers {
    use super::*;

    fn waits(test: &str, road: &str) {
        says(test, &Victim::c("linger").arg("second").arg(road), &["soon"]);
    }

    all_roads_but_exec!(waits);
}

/// Each thread takes the other's copy for one that is still in use, unless they
/// are told apart in the end.
mod is_delivered_when_two_threads_give_up_the_last_two_copies {
    use super::*;

    fn delivers(test: &str, road: &str) {
        Gauntlet::of(Victim::c("road_race").arg(road).arg("30")).at_once(30).prove(test);
    }

    tests!(delivers:
        by_close "close",
        by_syscall_close "SYS_close",
        by_fclose "fclose",
        by_dup2 "dup2",
        by_close_range "close_range",
    );
}

mod is_delivered_while_a_thread_reads {
    use super::*;

    fn delivers(test: &str, road: &str) {
        Gauntlet::of(Victim::c("road_reader").arg(road)).after_close().prove(test);
    }

    all_roads_but_exec!(delivers);
}

mod is_left_alone_while_a_copy_is_kept {
    use super::*;

    fn goes_on(test: &str, road: &str) {
        Service::of(Victim::c("road_kept").arg(road)).prove(test);
    }

    all_roads_but_exec!(goes_on);
}

mod is_left_alone_while_the_parent_goes_on {
    use super::*;

    fn goes_on(test: &str, road: &str) {
        Service::of(Victim::c("road_parent_goes_on").arg(road).arg("fork")).prove(test);
    }

    all_roads!(goes_on);
}

mod is_left_alone_by_a_vfork_child {
    use super::*;

    fn goes_on(test: &str, road: &str) {
        Service::of(Victim::c("road_parent_goes_on").arg(road).arg("vfork")).prove(test);
    }

    all_roads!(goes_on);
}

mod is_left_alone_while_a_child_goes_on {
    use super::*;

    fn goes_on(test: &str, road: &str) {
        Service::of(Victim::c("road_child_goes_on").arg(road)).prove(test);
    }

    all_roads!(goes_on);
}

mod is_reset_if_the_program_asks_for_it {
    use super::*;

    fn resets(test: &str, road: &str) {
        says(test, &Victim::c("road_reset").arg(road), &["events: 1 0x201d", "recv: -1 ECONNRESET"]);
    }

    all_roads_but_exec!(resets);

    /// A close asks for the option only where somebody may have set it.
    #[test]
    fn wherever_it_asks() {
        for place in ["listener", "child", "filtered", "syscall", "before"] {
            says(here!(), &Victim::c("reset_asked").arg(place), &["recv: -1 ECONNRESET"]);
        }
    }
}

mod leaves_its_epoll_set {
    use super::*;

    fn leaves(test: &str, road: &str) {
        for trigger in ["level", "edge"] {
            let victim = Victim::c("road_epoll").arg(road).arg(trigger);
            says(test, &victim, &["events: 0", "EPOLL_CTL_DEL: -1 ENOENT"]);
        }
    }

    all_roads_but_exec!(leaves);
}

mod in_a_signal_handler {
    use super::*;

    fn delivers(test: &str, road: &str) {
        let victim = Victim::c("signal_close").arg("100").arg("malloc").arg(road);
        Gauntlet::of(victim).at_once(100).prove(test);
    }

    tests!(delivers:
        by_syscall_close "SYS_close",
        by_dup2 "dup2",
        by_syscall_dup3 "SYS_dup3",
        by_close_range "close_range",
        by_syscall_close_range "SYS_close_range",
    );
}

mod with_a_pending_cancellation_does_not_abort {
    use super::*;

    fn is_cancelled(test: &str, road: &str) {
        for kind in ["tcp", "file"] {
            same_transcript(test, &Victim::c("cancel").arg(kind).arg(road));
        }
    }

    all_roads_but_exec!(is_cancelled);
    tests!(is_cancelled: by_fclose_that_writes "flush");
}

#[test]
fn answers_and_errno_are_those_of_libc() {
    same_transcript(here!(), &Victim::c("road_errno"));
}

/// A number that is free may be another thread's at once.
mod closes_no_number_twice {
    use super::*;

    fn loses_none(test: &str, road: &str) {
        says(test, &Victim::c("number_race").arg(road), &["lost: 0"]);
    }

    tests!(loses_none:
        by_close "close",
        by_syscall_close "SYS_close",
        by_fclose "fclose",
        by_freopen "freopen",
        by_close_range "close_range",
        by_syscall_close_range "SYS_close_range",
    );
}

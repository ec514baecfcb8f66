//! `close_range` and `closefrom`: a connection is one of many numbers, and some
//! calls close none of them, or somebody else's copies.

use shim_tests::gauntlet::Gauntlet;
use shim_tests::twice::{Service, says};
use shim_tests::victim::Victim;
use shim_tests::{here, skip, tests};

mod twenty_connections_among_files_pipes_and_listeners_are_delivered {
    use super::*;

    fn delivers(test: &str, way: &str) {
        Gauntlet::of(Victim::c("range").arg(way).arg("20")).at_once(20).prove(test);
    }

    tests!(delivers:
        by_close_range "close_range",
        by_syscall_close_range "SYS_close_range",
        by_closefrom "closefrom",
    );
}

/// The numbers of the drains are not the program's.
mod drains_at_work_survive_the_end_of_all_numbers {
    use super::*;

    fn delivers(test: &str, way: &str) {
        Gauntlet::of(Victim::c("range_pending").arg(way).arg("20")).at_once(20).prove(test);
    }

    tests!(delivers:
        by_close_range "close_range",
        by_syscall_close_range "SYS_close_range",
        by_closefrom "closefrom",
    );

    #[test]
    fn by_close_range_right_before_the_end_of_the_process() {
        let victim = Victim::c("range_pending").arg("close_range").arg("20").arg("exit");
        Gauntlet::of(victim).at_once(20).prove(here!());
    }
}

mod calls_that_close_nothing_leave_the_connection_alone {
    use super::*;

    fn goes_on(test: &str, way: &str) {
        Service::of(Victim::c("range_kept").arg(way)).prove(test);
    }

    tests!(goes_on: by_close_range "close_range", by_syscall_close_range "SYS_close_range");
}

mod close_range_unshare {
    use super::*;

    fn other_thread_goes_on(test: &str, way: &str) {
        Service::of(Victim::c("range_unshare").arg(way).arg("close")).prove(test);
        if has_cloexec() {
            Service::of(Victim::c("range_unshare").arg(way).arg("cloexec")).prove(test);
        } else {
            skip(test, "CLOSE_RANGE_CLOEXEC came with Linux 5.11");
        }
    }

    fn has_cloexec() -> bool {
        // SAFETY: marks a number that is never open.
        unsafe { libc::syscall(libc::SYS_close_range, u32::MAX, u32::MAX, libc::CLOSE_RANGE_CLOEXEC) == 0 }
    }

    tests!(other_thread_goes_on:
        in_a_thread_leaves_the_others_alone "close_range",
        by_syscall_in_a_thread_leaves_the_others_alone "SYS_close_range",
    );

    fn delivers(test: &str, way: &str) {
        Gauntlet::of(Victim::c("range_unshare_alone").arg(way).arg("after")).copies(3).prove(test);
    }

    tests!(delivers:
        in_the_only_thread_delivers "close_range",
        by_syscall_in_the_only_thread_delivers "SYS_close_range",
    );

    /// The peer sends when all is done: the drain cannot be over before.
    fn keeps_drains(test: &str, way: &str) {
        let victim = Victim::c("range_unshare_alone").arg(way).arg("before");
        Gauntlet::of(victim).after_close().copies(3).prove(test);
    }

    tests!(keeps_drains:
        in_the_only_thread_keeps_drains_at_work "close_range",
        by_syscall_in_the_only_thread_keeps_drains_at_work "SYS_close_range",
    );
}

/// Quick as well: the victim looks at the clock. After a vfork each close of the
/// parent takes a look at every process: fewer will do.
mod a_child_that_closes_hundreds_of_inherited_connections_leaves_them_alone {
    use super::*;

    fn goes_on(test: &str, way: &str) {
        for (child, count) in [("fork", 500), ("vfork", 100)] {
            let victim = Victim::c("range_child").arg(way).arg(count.to_string()).arg(child);
            Service::of(victim).copies(count, 4096).prove(test);
        }
    }

    tests!(goes_on:
        by_close_range "close_range",
        by_syscall_close_range "SYS_close_range",
        by_closefrom "closefrom",
        by_an_instruction "instruction",
    );
}

#[test]
fn the_number_of_a_connection_that_an_instruction_closed_is_free_for_the_next() {
    says(here!(), &Victim::c("range_by_instruction"), &["copy: works"]);
}

//! Connections that something else holds: a program that got it handed on or took it, or the
//! kernel, where a look at processes shows nothing. In most tests somebody goes on with a
//! connection that another one has closed. The others show that a connection which only the program
//! has is known to be so without a look at procfs.

use shim_tests::arena::Arena;
use shim_tests::late::{self, Late};
use shim_tests::program::Exit;
use shim_tests::shim::Shim;
use shim_tests::strace::{self, Traced};
use shim_tests::twice::{Service, says};
use shim_tests::victim::Victim;
use shim_tests::{here, skip};

/// The executed program is not shimmed, and has ended; who has the connection now is older
/// than it.
mod handed_on {
    use super::*;

    fn by(test: &str, way: &str) {
        for when in ["taken", "in-flight"] {
            Service::of(Victim::c("handed_on").arg(way).arg(when)).when_closed().prove(test);
        }
    }

    #[test]
    fn by_a_fork_child_that_executes() {
        by(here!(), "fork");
    }

    #[test]
    fn by_posix_spawn_with_a_file_action() {
        by(here!(), "spawn-action");
    }

    /// A copy of a number over itself is not close-on-exec.
    #[test]
    fn by_posix_spawn_with_a_file_action_over_itself() {
        by(here!(), "spawn-self");
    }

    #[test]
    fn by_posix_spawn_and_inheritance() {
        by(here!(), "spawn-inherit");
    }

    #[test]
    fn by_pidfd_spawn() {
        by(here!(), "pidfd_spawn");
    }

    #[test]
    fn by_a_child_that_spawns() {
        by(here!(), "child-spawns");
    }

    #[test]
    fn by_a_vfork_child_that_executes() {
        by(here!(), "vfork");
    }

    #[test]
    fn by_a_clone_that_executes() {
        by(here!(), "clone");
        by(here!(), "clone-vfork");
    }

    #[test]
    fn by_a_child_of_no_count_that_executes() {
        by(here!(), "syscall");
        by(here!(), "instruction");
        by(here!(), "_Fork");
    }

    #[test]
    fn by_system() {
        by(here!(), "system");
    }

    #[test]
    fn by_popen() {
        by(here!(), "popen");
    }

    /// The program has come to the connection by `exec` itself, as a service of inetd does.
    #[test]
    fn by_a_program_that_was_executed_with_it() {
        for way in ["fork", "vfork", "spawn-action", "spawn-inherit", "system", "syscall"] {
            let victim = Victim::c("handed_on").arg(way).arg("in-flight").arg("after-exec");
            Service::of(victim).when_closed().prove(here!());
        }
    }

    #[test]
    fn to_another_user() {
        // SAFETY: geteuid cannot fail.
        if unsafe { libc::geteuid() } != 0 {
            return skip(here!(), "needs setuid");
        }
        Service::of(Victim::c("handed_on").arg("fork").arg("taken").arg("nobody")).when_closed().prove(here!());
    }
}

/// The sender has ended, and the message is not received yet.
mod sent {
    use super::*;

    fn by(test: &str, way: &str) {
        says(test, &Victim::c("sent_uncounted").arg(way), &["copy: works"]);
    }

    #[test]
    fn by_a_clone() {
        by(here!(), "clone");
        by(here!(), "clone-vfork");
    }

    #[test]
    fn by_a_vfork_child() {
        by(here!(), "vfork");
    }

    #[test]
    fn by_a_fork_of_a_clone() {
        by(here!(), "fork-of-clone");
    }

    #[test]
    fn by_a_child_of_no_count() {
        by(here!(), "syscall");
        by(here!(), "instruction");
    }

    /// What is to be sent is looked at before the kernel has said that it is there.
    #[test]
    fn from_bad_addresses_fails_as_natively() {
        shim_tests::twice::same_transcript(here!(), &Victim::c("bad_messages"));
    }
}

/// By `pidfd_getfd`, out of the parent that closes it.
mod taken {
    use super::*;

    fn by(test: &str, way: &str, who: &str) {
        says(test, &Victim::c("taken_by_child").arg(way).arg(who), &["the child's answer: comes"]);
    }

    #[test]
    fn by_a_fork_child() {
        by(here!(), "libc", "fork");
        by(here!(), "syscall", "fork");
    }

    #[test]
    fn by_a_clone() {
        by(here!(), "libc", "clone");
        by(here!(), "syscall", "clone");
    }
}

/// Nobody had seen a copy by then.
#[test]
fn what_a_vfork_child_has_works_while_another_thread_closes_it() {
    for way in ["vfork", "clone"] {
        says(here!(), &Victim::c("vfork_beside").arg(way), &["child: status 0"]);
    }
}

#[test]
fn a_copy_in_a_table_that_clone3_shares_works() {
    says(here!(), &Victim::c("clone3_files"), &["copy: works"]);
}

/// It took itself for its parent: the pid is the same, and the memory.
#[test]
fn pid_1_keeps_what_its_double_closes() {
    let once = ["child: status 0", "parent: works"];
    says(here!(), &Victim::c("pid1_double").arg("newpid"), &[once, once].concat());
    says(here!(), &Victim::c("pid1_double").arg("unshare"), &once);
}

#[test]
fn a_connection_that_a_request_of_aio_waits_for_does_not_end() {
    says(here!(), &Victim::c("aio_polled"), &["the peer sees: nothing", "requests done: 1"]);
}

/// What is close-on-exec was looked for in every process of the machine, because a helper
/// had been started.
#[test]
fn closes_after_a_helper_was_started_look_at_no_process() {
    let Some(arena) = strace::arena_or_skip(here!()) else { return };
    for way in ["system", "spawn", "vfork", "fork"] {
        let traced = Traced::of(&Victim::c("closes_after_system").arg("5").arg(way));
        let finished = traced.start(&arena, Shim::Preloaded).finish();
        assert_eq!((finished.exit, traced.looks()), (Exit::Code(0), 0), "{way}: {finished:#?}");
    }
}

/// That opened descriptors where the program could see them.
mod what_is_accepted_beside_a_child {
    use super::*;

    fn is_drained(test: &str, shape: &str) {
        late::ends(test, "accepts_beside", shape, Late::Taken);
        let Some(arena) = strace::arena_or_skip(test) else { return };
        let traced = Traced::of(&Victim::c("accepts_beside").arg(shape));
        let finished = traced.start(&arena, Shim::Preloaded).finish();
        assert_eq!((finished.exit, traced.looks_of_program()), (Exit::Code(0), 0), "{shape}: {finished:#?}");
        assert!(traced.looks() > 0, "{shape}");
    }

    #[test]
    fn that_has_ended_is_drained() {
        is_drained(here!(), "fork_that_ended");
    }

    #[test]
    fn that_lasts_is_drained() {
        is_drained(here!(), "fork_that_lasts");
    }

    #[test]
    fn that_no_hook_has_seen_is_drained() {
        is_drained(here!(), "clone_that_lasts");
    }
}

/// It took as long as there were processes and descriptors.
#[test]
fn a_look_beside_many_full_processes_is_given_up() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let victim = Victim::c("look_beside").arg("40").arg("250").env("SOFTCLOSE_LOG", "info");
    let finished = victim.start(&arena, Shim::Preloaded).finish();
    assert!(finished.stderr.iter().any(|line| line.contains(" look-budget=1")), "{finished:#?}");
}

/// Pid 1 is the program itself there, and so it is shown whatever is hidden.
#[test]
fn where_procfs_hides_processes_a_look_proves_nothing() {
    says(here!(), &Victim::c("hidden_holder"), &["the holder's answer: comes"]);
}

//! Nothing that is still in use is shut. In each test one holder of a connection closes it, and
//! another goes on to serve the whole response, in two halves with a round trip between them.

use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::peer::{End, Peer};
use shim_tests::program::Exit;
use shim_tests::twice::{Service, alike, says, twice, without_port};
use shim_tests::victim::Victim;

mod fork {
    use super::*;

    #[test]
    fn the_child_closes_and_exits_and_the_parent_goes_on() {
        Service::of(Victim::c("fork_parent_goes_on").arg("exit")).prove(here!());
    }

    #[test]
    fn the_child_closes_and_underscore_exits_and_the_parent_goes_on() {
        Service::of(Victim::c("fork_parent_goes_on").arg("_exit")).prove(here!());
    }

    #[test]
    fn the_parent_closes_and_the_child_goes_on() {
        Service::of(Victim::c("fork_child_goes_on")).prove(here!());
    }

    #[test]
    fn parent_and_child_close_and_the_grandchild_goes_on() {
        Service::of(Victim::c("fork_grandchild_goes_on")).prove(here!());
    }

    #[test]
    fn the_child_is_killed_and_the_parent_goes_on() {
        Service::of(Victim::c("child_killed")).prove(here!());
    }

    #[test]
    fn daemon_ends_the_parent_and_the_child_goes_on() {
        Service::of(Victim::c("daemonize")).when_ended().prove(here!());
    }

    #[test]
    fn the_exit_of_a_child_leaves_five_hundred_inherited_clients_alone() {
        Service::of(Victim::c("snapshot").arg("500").arg("exit")).copies(500, 4096).prove(here!());
    }

    #[test]
    fn the_underscore_exit_of_a_child_leaves_five_hundred_inherited_clients_alone() {
        Service::of(Victim::c("snapshot").arg("500").arg("_exit")).copies(500, 4096).prove(here!());
    }
}

mod vfork {
    use super::*;

    #[test]
    fn the_child_closes_and_underscore_exits() {
        Service::of(Victim::c("vfork_child").arg("_exit")).prove(here!());
    }

    #[test]
    fn the_child_closes_and_executes() {
        Service::of(Victim::c("vfork_child").arg("exec")).prove(here!());
    }

    #[test]
    fn the_executed_child_holds_it_as_standard_output() {
        Service::of(Victim::c("vfork_holder")).when_closed().prove(here!());
    }
}

mod spawned {
    use super::*;

    #[test]
    fn posix_spawn_with_a_file_action() {
        Service::of(Victim::c("spawn_holder").arg("posix_spawn").arg("action")).when_closed().prove(here!());
    }

    #[test]
    fn posix_spawn_with_an_inherited_descriptor() {
        Service::of(Victim::c("spawn_holder").arg("posix_spawn").arg("inherit")).when_closed().prove(here!());
    }

    #[test]
    fn posix_spawnp_with_a_file_action() {
        Service::of(Victim::c("spawn_holder").arg("posix_spawnp").arg("action")).when_closed().prove(here!());
    }

    /// Only processes that were younger than the spawned one were looked at.
    #[test]
    fn and_sent_to_an_older_process() {
        Service::of(Victim::c("spawned_sends_to_older")).when_closed().prove(here!());
    }

    /// The executed program had ended, and nobody counted what it had made.
    #[test]
    fn by_a_program_that_a_child_executed_and_that_has_ended() {
        Service::of(Victim::c("exec_leaves_holder")).when_closed().prove(here!());
    }

    #[test]
    fn popen() {
        Service::of(Victim::c("popen_holder")).prove(here!());
    }

    #[test]
    fn system_in_the_background() {
        Service::of(Victim::c("system_holder")).when_closed().prove(here!());
    }
}

mod duplicated {
    use super::*;

    fn by(test: &str, way: &str) {
        Service::of(Victim::c("dup_kept").arg(way)).prove(test);
    }

    #[test]
    fn by_dup() {
        by(here!(), "dup");
    }

    #[test]
    fn by_dup2() {
        by(here!(), "dup2");
    }

    #[test]
    fn by_dup3() {
        by(here!(), "dup3");
    }

    #[test]
    fn by_f_dupfd() {
        by(here!(), "F_DUPFD");
    }

    #[test]
    fn by_f_dupfd_cloexec() {
        by(here!(), "F_DUPFD_CLOEXEC");
    }

    #[test]
    fn by_fcntl64() {
        by(here!(), "fcntl64");
    }

    #[test]
    fn by_a_raw_system_call() {
        by(here!(), "syscall");
    }

    #[test]
    fn over_another_descriptor_and_then_covered_itself() {
        Service::of(Victim::c("dup_over")).prove(here!());
    }

    #[test]
    fn for_two_stdio_streams_of_which_one_is_closed() {
        Service::of(Victim::c("fdopen_kept")).prove(here!());
    }
}

mod passed {
    use super::*;

    fn in_flight(test: &str, send: &str, receive: &str) {
        Service::of(Victim::c("passed_in_flight").arg(send).arg(receive)).when_closed().prove(test);
    }

    #[test]
    fn by_sendmsg_and_in_flight_while_nobody_holds_it() {
        in_flight(here!(), "sendmsg", "recvmsg");
    }

    #[test]
    fn by_sendmmsg_and_in_flight_while_nobody_holds_it() {
        in_flight(here!(), "sendmmsg", "recvmmsg");
    }

    #[test]
    fn to_the_program_itself() {
        Service::of(Victim::c("passed_to_itself")).prove(here!());
    }

    #[test]
    fn and_the_received_copy_is_closed() {
        Service::of(Victim::c("passed_copy_closed")).prove(here!());
    }

    #[test]
    fn and_a_peeked_copy_is_closed() {
        Service::of(Victim::c("passed_and_peeked")).prove(here!());
    }

    /// The counts were gone with the old image, and no look finds a message.
    #[test]
    fn and_in_flight_while_the_only_process_replaces_its_program() {
        for way in ["alone", "orphaned", "spawned", "given"] {
            for lowest in ["3", "40"] {
                Service::of(Victim::c("passed_and_replaced").arg(way).arg(lowest)).prove(here!());
            }
        }
    }
}

mod cloned {
    use super::*;

    fn parent_goes_on(test: &str, way: &str) {
        Service::of(Victim::c("clone_parent_goes_on").arg(way)).prove(test);
    }

    fn child_goes_on(test: &str, way: &str) {
        Service::of(Victim::c("clone_child_goes_on").arg(way)).prove(test);
    }

    #[test]
    fn by_syscall_and_the_parent_goes_on() {
        parent_goes_on(here!(), "syscall");
    }

    #[test]
    fn by_syscall_and_the_child_goes_on() {
        child_goes_on(here!(), "syscall");
    }

    #[test]
    fn by_an_instruction_and_the_parent_goes_on() {
        parent_goes_on(here!(), "instruction");
    }

    #[test]
    fn by_an_instruction_and_the_child_goes_on() {
        child_goes_on(here!(), "instruction");
    }

    /// A question for the children of the closing thread alone missed it.
    #[test]
    fn by_an_instruction_in_another_thread_than_the_one_that_closes() {
        says(here!(), &Victim::c("instruction_beside"), &["done"]);
    }

    #[test]
    fn by_underscore_fork_and_the_parent_goes_on() {
        parent_goes_on(here!(), "_Fork");
    }

    #[test]
    fn by_underscore_fork_and_the_child_goes_on() {
        child_goes_on(here!(), "_Fork");
    }

    #[test]
    fn by_clone_with_its_own_stack_and_the_parent_goes_on() {
        Service::of(Victim::c("clone_stack").arg("parent")).prove(here!());
    }

    #[test]
    fn by_clone_with_its_own_stack_and_the_child_goes_on() {
        Service::of(Victim::c("clone_stack").arg("child")).prove(here!());
    }
}

mod threads {
    use super::*;

    #[test]
    fn one_waits_in_the_middle_of_send_when_another_closes() {
        let response = shim_tests::RESPONSE;
        let seen = alike(here!(), |arena, shim| {
            let mut victim = Victim::c("thread_sends").start(arena, shim);
            let mut peer = Peer::to(victim.port()).ask(response, 0).wait().read_to_end().start(arena);
            victim.expect("closed");
            peer.go();
            (peer.report(), without_port(victim.finish()))
        });
        if let Some((report, finished)) = seen {
            assert!(report.has_all_of(response), "{report:?}\n{finished:#?}");
            assert_eq!(finished.stdout, ["closed".to_owned(), format!("sent {response} errno 0")]);
        }
    }

    /// It was blocked there for room, and has some; but the processor is another's.
    #[test]
    fn one_that_was_woken_in_the_middle_of_send_waits_for_the_processor_when_another_closes() {
        let expected = ["woken: 1, queued: much", "sent 4194304 errno 0", "all: 1"];
        says(here!(), &Victim::c("writer_waits_its_turn"), &expected);
    }

    /// The peer sends when the other thread has closed. What it gets back is the
    /// end of the connection, once the receiver is done with it. Many times:
    /// whether the receiver or a thief is the first to wake is a matter of luck.
    fn receives(test: &str, how: &str, script: impl Fn(Peer) -> Peer, bytes: usize) {
        let round = |arena: &Arena, shim| {
            let mut victim = Victim::c("thread_receives").arg(how).start(arena, shim);
            let peer = script(Peer::to(victim.port()).ask(1, 0).wait()).read_to_end();
            let mut peer = peer.start(arena);
            victim.expect("closed");
            peer.go();
            (peer.report().end, without_port(victim.finish()))
        };
        twice(test, |arena, shim| {
            for number in 0..20 {
                let (end, finished) = round(arena, shim);
                assert_eq!(end, End::Eof, "{shim:?}, round {number}: {finished:#?}");
                let said = ["closed".to_owned(), format!("received {bytes}")];
                assert_eq!(finished.stdout, said, "{shim:?}, round {number}");
                assert_eq!(finished.exit, Exit::Code(0), "{shim:?}, round {number}: {finished:#?}");
            }
        });
    }

    #[test]
    fn one_waits_in_recv_when_another_closes() {
        receives(here!(), "some", |peer| peer.say("hello"), 6);
    }

    #[test]
    fn one_waits_in_recv_for_all_of_a_megabyte_when_another_closes() {
        receives(here!(), "all", |peer| peer.upload(1 << 20), 1 << 20);
    }
}

/// The program was taken to have left its image, so that only a look could tell whether it
/// still held the connection; and the look was at a stranger, or at a process that shows nothing.
mod an_exec_that_fails_in_a_child_leaves_it_the_connection {
    use super::*;

    fn leaves(test: &str, place: &str) {
        says(test, &Victim::c("exec_fails_in_child").arg(place), &["child: works"]);
    }

    #[test]
    fn of_one_thread() {
        leaves(here!(), "here");
    }

    #[test]
    fn of_which_the_first_thread_ends() {
        leaves(here!(), "leaderless");
    }

    #[test]
    fn in_a_pid_namespace_with_the_procfs_of_another() {
        leaves(here!(), "outside");
    }

    #[test]
    fn where_another_process_has_its_pid_in_procfs() {
        leaves(here!(), "stranger");
        leaves(here!(), "copied");
    }
}

/// By the numbers of another namespace the call was over.
#[test]
fn a_vfork_child_keeps_the_connection_where_procfs_is_of_another_pid_namespace() {
    says(here!(), &Victim::c("exec_fails_in_child").arg("vfork"), &["child: works"]);
}

/// Another process of the family took itself for the last.
mod a_thread_with_a_table_of_its_own_keeps_the_connection {
    use super::*;

    fn keeps(test: &str, how: &str) {
        for place in ["child", "parent"] {
            says(test, &Victim::c("own_table").arg(how).arg(place), &["thread: works"]);
        }
    }

    #[test]
    fn by_unshare() {
        keeps(here!(), "unshare");
    }

    #[test]
    fn by_the_number_of_unshare() {
        keeps(here!(), "SYS_unshare");
    }

    #[test]
    fn by_close_range() {
        keeps(here!(), "close_range");
    }
}

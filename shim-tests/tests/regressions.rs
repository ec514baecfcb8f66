//! What hostile victims once broke, and must not break again. Each test names the harm, and its
//! victim shows how it was done. The native and the shimmed run have the same result, unless the
//! test says why not.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::installed::is_missing;
use shim_tests::peer::{End, Peer};
use shim_tests::proc::becomes_true;
use shim_tests::program::Exit;
use shim_tests::shim::{Shim, library};
use shim_tests::twice::{alike, same_transcript, says, twice, without_port};
use shim_tests::victim::{Victim, compiled, compiled_library};
use shim_tests::{here, skip};
use std::time::Duration;

/// The clock of the bookkeeping read the counter.
#[test]
fn a_fork_without_the_processors_counter_crashed() {
    says(here!(), &Victim::c("no_counter"), &["forked"]);
}

/// The shim had seen before that nothing was held, and left the duplicate to the child.
#[test]
fn a_close_in_a_fork_handler_left_a_copy_in_the_child() {
    let victim = Victim::c("closed_before_fork").behind(compiled_library("lib_before_fork"));
    says(here!(), &victim, &["sockets in the child: 1"]);
}

/// The thread's epoll set could be closed by who does not know it; in a program that has
/// forked it lies where programs close what they find.
#[test]
fn a_close_of_a_number_that_nobody_has_opened_succeeded() {
    for way in ["forked", "alone"] {
        says(here!(), &Victim::c("close_unknown").arg(way), &["closed 0"]);
    }
}

mod the_end_of_a_process {
    use super::*;

    /// Once the connection was half-closed at exit, the thread read the end of
    /// it, and aborted after main had returned 0.
    #[test]
    fn wakes_no_thread_that_would_abort_at_the_end_of_its_connection() {
        let seen = alike(here!(), |arena, shim| {
            let mut victim = Victim::c("exit_reader_aborts").start(arena, shim);
            let mut peer = Peer::to(victim.port()).ask(64, 0).read_to_end().start(arena);
            (peer.report().end, without_port(victim.finish()))
        });
        if let Some((end, finished)) = seen {
            assert_eq!((end, finished.exit), (End::Eof, Exit::Code(0)), "{finished:#?}");
        }
    }

    fn stops_other_threads(test: &str, way: &str) {
        let expected = ["process: status 0", "ticks after the end: few"];
        says(test, &Victim::c("exit_ends_threads").arg(way), &expected);
    }

    #[test]
    fn by_exit_lets_no_other_thread_run_on() {
        stops_other_threads(here!(), "exit");
    }

    #[test]
    fn by_underscore_exit_lets_no_other_thread_run_on() {
        stops_other_threads(here!(), "_exit");
    }

    /// The drain's thread was the last one, and so its status was the process's.
    #[test]
    fn by_the_end_of_its_only_thread_keeps_its_status() {
        says(here!(), &Victim::c("thread_exit"), &["process: status 7"]);
    }

    /// procfs was read once for every connection: 2000 of them took half a minute
    /// the bound, and 3000 a minute.
    fn of_2000_connections_that_a_child_may_have_inherited_keeps_the_bound(test: &str, victim: &Victim) {
        let (connections, bound) = (2000, Duration::from_secs(10));
        let victim = victim.clone().open_files(4096).env("SOFTCLOSE_EXIT_TIMEOUT", "500ms");
        twice(test, |arena, shim| {
            let mut victim = victim.start(arena, shim);
            let peers = Peer::to(victim.port()).copies(connections).ask(64, 0).read(64).tell("got").wait();
            let mut peers = peers.start(arena);
            peers.told("got");
            victim.go();
            assert!(victim.ended_within(bound), "{shim:?}");
            assert_eq!(victim.exit(), Exit::Code(0), "{shim:?}");
        });
    }

    #[test]
    fn with_many_connections_keeps_its_bound() {
        let victim = Victim::c("exit_many_spawned").arg("2000");
        of_2000_connections_that_a_child_may_have_inherited_keeps_the_bound(here!(), &victim);
    }

    #[test]
    fn for_another_program_with_many_connections_keeps_its_bound() {
        let victim = Victim::c("exec_many").arg("2000").arg("spawned");
        of_2000_connections_that_a_child_may_have_inherited_keeps_the_bound(here!(), &victim);
    }
}

mod a_close {
    use super::*;

    /// It sent the FIN ahead of the thread, whom SIGPIPE killed.
    #[test]
    fn waits_for_a_writer_that_has_queued_nothing_yet() {
        says(here!(), &Victim::c("zero_window"), &["sent 1000, the peer got all"]);
    }

    /// With hardly anything left in the buffer, nobody was looked for.
    #[test]
    fn waits_for_a_writer_that_has_just_been_woken() {
        says(here!(), &Victim::c("small_send_buffer").arg("16384"), &["whole: 10 of 10"]);
    }

    /// The looker closed its copy of the queue, and the kernel took that for the program's.
    #[test]
    fn beside_threads_takes_no_notification_of_a_message_away() {
        says(here!(), &Victim::c("notified"), &["the notification: came"]);
    }

    fn lingers(test: &str, until: &str) {
        says(test, &Victim::c("linger").arg(until), &["close: 0", "soon"]);
    }

    /// It waited for the peer's FIN, for all of `l_linger`.
    #[test]
    fn that_lingers_returns_when_everything_is_acknowledged() {
        lingers(here!(), "acknowledged");
    }

    /// It went on waiting.
    #[test]
    fn that_lingers_returns_when_a_signal_comes() {
        lingers(here!(), "interrupted");
    }

    const ROADS: [&str; 4] = ["close", "fclose", "dup2", "close_range"];

    /// As natively, beside another thread at the set that the connection was in.
    fn waits_after_its_number(test: &str, peer: &str, engine: &str) {
        for road in ROADS {
            let victim = Victim::c("linger_beside").arg(peer).arg(road).env("SOFTCLOSE_ENGINE", engine);
            let given_up = ["given up while it waits: yes", "returned: soon", "events: 0"];
            let stays = (road != "dup2").then_some("the number: another file");
            says(test, &victim, &given_up.into_iter().chain(stays).collect::<Vec<_>>());
        }
    }

    /// The number stayed open and in its sets: events, and whoever had it next lost it.
    #[test]
    fn that_lingers_gives_its_number_up_before_it_waits() {
        waits_after_its_number(here!(), "read", "thread");
    }

    #[test]
    fn that_lingers_gives_its_number_up_before_the_peer_sends_more() {
        waits_after_its_number(here!(), "sends", "thread");
    }

    #[test]
    fn of_the_inline_engine_that_lingers_gives_its_number_up_before_it_waits() {
        waits_after_its_number(here!(), "read", "inline");
    }

    #[test]
    fn of_the_inline_engine_gives_its_number_up_before_the_peer_sees_the_end() {
        for engine in ["thread", "inline"] {
            says(here!(), &Victim::c("end_seen").env("SOFTCLOSE_ENGINE", engine), &["the number: free"]);
        }
    }

    /// It went on waiting, and the jump left the number open.
    #[test]
    fn that_lingers_may_be_left() {
        for how in ["cancelled", "jumped"] {
            says(here!(), &Victim::c("linger_left").arg(how), &["left: soon", "the peer: everything"]);
        }
    }

    /// The handler's hook took that of the close for one that a jump had left.
    #[test]
    fn is_not_cancelled_halfway_where_a_handler_ran_on_a_stack_above() {
        if is_missing(here!(), "strace") {
            return;
        }
        let sends = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=getsockopt:signal=SIGUSR1:when=1+"];
        says(here!(), &Victim::c("cancelled_beside_handler").under(sends), &["the peer: the end"]);
    }

    /// The owner of a socket belongs to the open file, as `O_ASYNC` does.
    #[test]
    fn is_followed_by_no_sigurg() {
        says(here!(), &Victim::c("sigurg"), &["signals after the close: 0"]);
    }

    /// The FIN killed a connection that had moved elsewhere.
    #[test]
    fn under_tcp_repair_is_silent() {
        says(here!(), &Victim::c("tcp_repair"), &["the peer sees nothing"]);
    }

    /// epoll reported it until the drain was over.
    #[test]
    fn takes_it_out_of_an_epoll_set_that_an_instruction_put_it_in() {
        says(here!(), &Victim::c("epoll_by_instruction"), &["events after the close: 0"]);
    }

    /// Private descriptors were where the program's next one belongs, or all
    /// that the limit allows was taken.
    #[test]
    fn leaves_the_lowest_number_free_under_every_limit() {
        let Some(finished) = same_transcript(here!(), &Victim::c("lowest_number")) else { return };
        assert_eq!(finished.stdout.len(), 59, "{finished:#?}");
        assert!(finished.stdout.iter().all(|line| !line.contains("-1")), "{finished:#?}");
    }

    /// The vDSO is not where rustix looked for it. What valgrind says of system
    /// calls it does not know is not compared.
    #[test]
    fn works_under_valgrind() {
        let valgrind = "/usr/bin/valgrind";
        if !std::path::Path::new(valgrind).exists() {
            return skip(here!(), "there is no valgrind");
        }
        let victim = Victim::program(valgrind.into()).arg("-q").arg(compiled("plain_close"));
        let seen = alike(here!(), |arena, shim| {
            let finished = victim.start(arena, shim).finish();
            (finished.exit, finished.stdout)
        });
        if let Some((exit, stdout)) = seen {
            assert_eq!((exit, stdout), (Exit::Code(0), vec!["the peer reads 0".to_owned()]));
        }
    }
}

/// Somebody else holds the connection, whom the one that closed did not see: the
/// FIN came, and the other got EPIPE.
mod a_reference_stays_in_use {
    use super::*;

    #[test]
    fn of_a_parent_that_a_child_in_its_own_pid_namespace_cannot_see() {
        says(here!(), &Victim::c("pidns_child_closes"), &["child: status 0", "parent: works"]);
    }

    #[test]
    fn of_a_parent_outside_of_the_program_s_pid_namespace() {
        says(here!(), &Victim::c("pidns_inherited"), &["parent: works"]);
    }

    #[test]
    fn of_a_pid_1_whose_child_is_pid_1_as_well() {
        says(here!(), &Victim::c("pid1_clone"), &["child: status 0", "parent: works"]);
    }

    #[test]
    fn of_a_process_whose_first_thread_has_gone() {
        says(here!(), &Victim::c("leader_gone"), &["child: works"]);
    }

    #[test]
    fn when_a_thread_with_its_own_table_closes_its_copy() {
        says(here!(), &Victim::c("unshare_files"), &["main thread: works"]);
    }

    fn raw(test: &str, way: &str) {
        says(test, &Victim::c("raw_reference").arg(way), &["copy: works"]);
    }

    #[test]
    fn that_was_sent_by_a_raw_sendmsg() {
        raw(here!(), "sendmsg");
    }

    #[test]
    fn that_was_made_by_a_raw_pidfd_getfd() {
        raw(here!(), "pidfd_getfd");
    }

    fn stale(test: &str, way: &str) {
        says(test, &Victim::c("stale_number").arg(way), &["copy: works"]);
    }

    #[test]
    fn of_a_connection_accepted_by_syscall_on_the_number_of_another() {
        stale(here!(), "syscall");
    }

    #[test]
    fn of_a_connection_accepted_by_an_instruction_on_the_number_of_another() {
        stale(here!(), "instruction");
    }
}

mod sandboxes {
    use super::*;

    /// Calls of the shim's own that the filter does not allow killed the process.
    #[test]
    fn with_an_allow_list_of_five_calls_kill_nobody() {
        let expected = [
            "close a file: status 0",
            "_exit: status 0",
            "close a connection: status 0",
            "_exit with a connection: status 0",
        ];
        says(here!(), &Victim::c("sandboxed"), &expected);
    }

    /// The drain's own calls, on a thread that the filter reached as well.
    #[test]
    fn for_every_thread_meet_none_of_ours() {
        says(here!(), &Victim::c("sandboxed_threads"), &["process: status 0"; 2]);
    }

    /// A process with two threads may not do it, and natively this one has one.
    #[test]
    fn of_another_user_namespace_can_be_entered_after_a_close() {
        says(here!(), &Victim::c("unshare_user"), &["done"]);
    }

    /// libc's `setuid` reaches its own threads, and not the drain's.
    #[test]
    fn of_another_user_leave_no_thread_with_the_old_credentials() {
        says(here!(), &Victim::c("setuid_threads"), &["threads of somebody else: 0"]);
    }

    #[test]
    fn of_another_user_leave_none_beside_a_thread_that_may_write() {
        says(here!(), &Victim::c("setuid_threads").arg("beside"), &["threads of somebody else: 0"]);
    }
}

mod a_small_signal_stack {
    use super::*;

    #[test]
    fn has_room_for_the_close_of_a_file() {
        says(here!(), &Victim::c("small_signal_stack").arg("file"), &["close: 0"]);
    }

    /// What a debug build leaves on the stack is not what is shipped.
    #[test]
    fn has_room_for_the_close_of_a_connection() {
        if library().parent().is_some_and(|directory| directory.ends_with("debug")) {
            return skip(here!(), "frames of a debug build are larger: run it with --release");
        }
        says(here!(), &Victim::c("small_signal_stack").arg("tcp"), &["close: 0"]);
    }
}

mod the_log {
    use super::*;

    #[test]
    fn to_a_pipe_without_a_reader_kills_nobody() {
        says(here!(), &Victim::c("log_to_nobody").env("SOFTCLOSE_LOG", "debug"), &["alive"]);
    }

    #[test]
    fn never_lands_in_a_file_of_the_program_on_number_2() {
        let victim = Victim::c("log_number_reused").env("SOFTCLOSE_LOG", "debug");
        says(here!(), &victim, &["bytes of data: 4"]);
    }
}

mod the_drain {
    use super::*;

    /// While one close tried to start the thread, others gave it what they had, and
    /// nobody came for it.
    #[test]
    fn leaves_nothing_behind_where_no_thread_is_to_be_had() {
        says(here!(), &Victim::c("no_thread"), &["left behind: 0"]);
    }

    /// The epoll's own number was beyond the limit, and so nothing was drained.
    #[test]
    fn works_with_a_cap_above_the_limit_of_descriptors() {
        for cap in ["1000", "4096", "65536"] {
            let victim = Victim::c("serve").arg("1").open_files(1024).env("SOFTCLOSE_MAX_PENDING", cap);
            Gauntlet::of(victim).prove(here!());
        }
    }

    /// `SO_RCVLOWAT` stays with the open file: what came was not noticed, and a
    /// slow upload taken for an idle one. Shimmed only: natively it is reset.
    #[test]
    fn notices_a_slow_upload_to_a_server_that_wants_a_megabyte() {
        let (idle, watched) = ("1500ms", Duration::from_secs(3));
        let victim = Victim::c("low_water_mark").env("SOFTCLOSE_IDLE", idle).env("SOFTCLOSE_TIMEOUT", "20s");
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let mut victim = victim.start(&arena, Shim::Preloaded);
        let port = victim.port();
        let _peer = Peer::to(port).ask(64, 0).drip(50).wait().start(&arena);
        victim.expect("closed");
        let is_gone = || !arena.sockets().iter().any(|socket| socket.is_held_by_server(port));
        assert!(!becomes_true(watched, is_gone), "taken for idle");
    }
}

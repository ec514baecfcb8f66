//! The peer gets every byte and a clean end. Each test runs natively first: there the same peer
//! loses data, and the kernel counts an abort.

use shim_tests::arena::Arena;
use shim_tests::gauntlet::Gauntlet;
use shim_tests::peer::{End, Peer, Upload};
use shim_tests::proc::cannot_look;
use shim_tests::shim::Shim;
use shim_tests::strace::{self, Caller};
use shim_tests::twice::twice;
use shim_tests::victim::Victim;
use shim_tests::{here, skip, tests_of_every_exit};

/// What a client may drink is less than what a server may (1 MiB, all told).
const CLIENT_UPLOAD: usize = 512 << 10;

#[test]
fn a_blocking_socket() {
    Gauntlet::of(Victim::c("blocking")).prove(here!());
}

#[test]
fn a_nonblocking_socket() {
    Gauntlet::of(Victim::c("nonblocking")).prove(here!());
}

#[test]
fn a_socket_from_accept4() {
    Gauntlet::of(Victim::c("accept4_flags")).prove(here!());
}

#[test]
fn a_close_in_a_worker_thread() {
    Gauntlet::of(Victim::c("worker_thread")).prove(here!());
}

#[test]
fn a_close_by_closesocket() {
    Gauntlet::of(Victim::c("closesocket")).prove(here!());
}

#[test]
fn closesocket_is_there_for_those_who_ask() {
    let gauntlet = Gauntlet::of(Victim::c("closesocket"));
    if let Some(outcome) = gauntlet.run(here!(), shim_tests::shim::Shim::Preloaded) {
        assert_eq!(outcome.finished.stdout.last().unwrap(), "closed by closesocket");
    }
}

#[test]
fn a_connected_socket() {
    Gauntlet::of(Victim::c("client")).victim_connects().upload(CLIENT_UPLOAD).prove(here!());
}

#[test]
fn a_socket_of_ipv6() {
    match Arena::or_skip(here!()) {
        Some(arena) if arena.has_ipv6() => Gauntlet::of(Victim::c("ipv6")).ipv6().prove(here!()),
        Some(_) => skip(here!(), "no IPv6 on the loopback"),
        None => {}
    }
}

#[test]
fn a_socket_of_mptcp() {
    if kernel_has_mptcp() {
        Gauntlet::of(Victim::c("mptcp")).mptcp().prove(here!());
    } else {
        skip(here!(), "this kernel has no MPTCP");
    }
}

/// `TCP_INFO` speaks for the first subflow alone: a thread that is blocked in a write, whose
/// data waits for another one, was taken to have written all.
#[test]
fn a_writer_to_mptcp_is_asked_for() {
    if !kernel_has_mptcp() {
        return skip(here!(), "this kernel has no MPTCP");
    }
    let Some(arena) = strace::arena_or_skip(here!()) else { return };
    let calls = strace::calls_of(&Victim::c("mptcp_beside_thread"), &arena, Shim::Preloaded);
    assert!(calls.contains_key(&(Caller::Program, "ioctl TIOCOUTQ".to_owned())), "{calls:?}");
}

#[test]
fn a_corked_socket() {
    Gauntlet::of(Victim::c("cork")).prove(here!());
}

#[test]
fn two_hundred_closed_in_a_row_by_an_event_loop() {
    Gauntlet::of(Victim::c("event_loop").arg("200")).at_once(200).prove(here!());
}

#[test]
fn two_hundred_closed_at_once_by_as_many_threads() {
    Gauntlet::of(Victim::c("thread_per_connection").arg("200")).at_once(200).prove(here!());
}

#[test]
fn nothing_unread_and_a_peer_that_sends_after_the_close() {
    Gauntlet::of(Victim::c("blocking")).after_close().prove(here!());
}

#[test]
fn a_client_with_nothing_unread_and_a_server_that_sends_on() {
    Gauntlet::of(Victim::c("client")).victim_connects().after_close().upload(CLIENT_UPLOAD).prove(here!());
}

#[test]
fn a_server_in_python() {
    match Victim::python("socketserver_early") {
        Some(victim) => Gauntlet::of(victim).reads_late().prove(here!()),
        None => skip(here!(), "no python3"),
    }
}

#[test]
fn a_server_in_rust() {
    Gauntlet::of(Victim::rust("rust_server")).prove(here!());
}

#[test]
fn a_server_started_by_the_launcher() {
    Gauntlet::of(Victim::c("blocking").launched()).prove(here!());
}

#[test]
fn with_the_inline_engine() {
    Gauntlet::of(Victim::c("blocking").env("SOFTCLOSE_ENGINE", "inline")).prove(here!());
}

/// The socket is still open when the process ends.
mod at_exit_still_open {
    use super::*;

    fn proves(test: &str, way: &str) {
        Gauntlet::of(Victim::c("exit_open").arg(way)).exits_with(7).prove(test);
    }

    tests_of_every_exit!(proves);

    #[test]
    fn by_exit_in_a_thread() {
        Gauntlet::of(Victim::c("exit_from_thread")).exits_with(7).prove(here!());
    }

    #[test]
    fn with_the_response_in_a_stdio_buffer() {
        Gauntlet::of(Victim::c("exit_stdio")).exits_with(7).prove(here!());
    }

    #[test]
    fn of_which_a_destructor_writes_the_end() {
        Gauntlet::of(Victim::c("last_words")).exits_with(7).prove(here!());
    }

    #[test]
    fn with_the_response_written_by_an_atexit_handler() {
        Gauntlet::of(Victim::c("exit_atexit")).exits_with(7).prove(here!());
    }

    #[test]
    fn with_the_inline_engine() {
        let victim = Victim::c("exit_open").arg("exit").env("SOFTCLOSE_ENGINE", "inline");
        Gauntlet::of(victim).exits_with(7).prove(here!());
    }
}

/// The socket was closed just before, and is still being drained.
mod at_exit_still_pending {
    use super::*;

    fn proves(test: &str, way: &str) {
        Gauntlet::of(Victim::c("exit_pending").arg(way)).exits_with(7).prove(test);
    }

    tests_of_every_exit!(proves);
}

/// The parent closes at once; the child has the last reference.
mod a_process_for_each_connection {
    use super::*;

    fn proves(test: &str, ending: &str) {
        Gauntlet::of(Victim::c("fork_server").arg("5").arg(ending)).copies(5).prove(test);
    }

    #[test]
    fn that_closes_and_exits() {
        proves(here!(), "close");
    }

    #[test]
    fn that_exits_without_a_close() {
        proves(here!(), "exit");
    }

    #[test]
    fn that_underscore_exits_without_a_close() {
        proves(here!(), "_exit");
    }

    /// Each asked whether it had the connection alone, first before and then after the other had let go
    /// of it, and so skipped it twice.
    #[test]
    fn of_two_that_end_together_one_finishes() {
        const MANY: usize = 120;
        let victim = Victim::c("exit_together").arg(MANY.to_string());
        Gauntlet::of(victim).at_once(MANY).delivers(here!());
    }

    /// After four children that had ended with their connection, nobody attended to that of
    /// the fifth: its peer hung for as long as the child went on.
    #[test]
    fn that_goes_on_with_another_one_has_its_peer_told_in_every_session() {
        const SESSIONS: usize = 11;
        const UPLOAD: usize = 16 << 20;
        twice(here!(), |arena, shim| {
            let mut victim = Victim::c("ftp").start(arena, shim);
            let port = victim.port();
            for session in 0..SESSIONS {
                let mut control = Peer::to(port).tell("in").wait().fin().read_to_end().start(arena);
                control.told("in");
                let mut data = Peer::to(port).ask(64, 1000).upload(UPLOAD).read_to_end().start(arena);
                let report = data.report();
                let told = if shim == Shim::Native {
                    report.upload == Upload::Refused
                } else {
                    report.has_all_of(64) && report.upload == Upload::Done
                };
                assert!(told, "{shim:?}, session {session}: {report:?}");
                control.go();
                assert_eq!(control.report().end, End::Eof, "{shim:?}, session {session}");
            }
        });
    }

    #[test]
    fn that_was_forked_before_the_accept() {
        Gauntlet::of(Victim::c("prefork")).copies(2).prove(here!());
    }

    /// The new image knows nothing of where its streams come from: only a look
    /// at every process tells that nobody else has them.
    #[test]
    fn that_executes_a_server_on_its_standard_streams() {
        executes_a_server(here!(), "two");
    }

    /// The exit asks for low numbers themselves, and procfs after so many gaps.
    #[test]
    fn that_executes_a_server_on_a_high_number() {
        ["66", "67", "300", "600"].into_iter().for_each(|number| executes_a_server(here!(), number));
    }

    fn executes_a_server(test: &str, place: &str) {
        match cannot_look() {
            None => Gauntlet::of(Victim::c("inetd").arg(place)).prove(test),
            Some(reason) => skip(test, reason),
        }
    }
}

/// A child shared the connection and is gone, or has let go of it: whoever is
/// left has the last reference.
mod after_a_child {
    use super::*;

    fn proves(test: &str, way: &str) {
        Gauntlet::of(Victim::c("after_child").arg(way)).prove(test);
    }

    #[test]
    fn that_closed_and_ended() {
        proves(here!(), "closes");
    }

    #[test]
    fn that_ended_without_a_close() {
        proves(here!(), "exits");
    }

    /// No hook had seen the child executing, and so it counted as a holder.
    #[test]
    fn that_installed_a_filter_and_executed_another_program() {
        match cannot_look() {
            Some(why) => skip(here!(), why),
            None => Gauntlet::of(Victim::c("exec_filtered")).prove(here!()),
        }
    }

    /// PostgreSQL: where a backend ended before the postmaster had closed its copy, the
    /// backend's own epoll set was taken for one that still watches the connection.
    #[test]
    fn that_ended_with_an_epoll_set_of_its_own() {
        proves(here!(), "watches");
    }

    #[test]
    fn that_was_killed() {
        proves(here!(), "killed");
    }

    #[test]
    fn that_closed_and_lives_on() {
        proves(here!(), "lives");
    }

    #[test]
    fn that_is_a_zombie() {
        proves(here!(), "zombie");
    }

    #[test]
    fn by_vfork() {
        proves(here!(), "vfork");
    }

    #[test]
    fn by_vfork_that_executed() {
        proves(here!(), "vfork-exec");
    }

    #[test]
    fn by_posix_spawn() {
        proves(here!(), "spawn");
    }

    #[test]
    fn by_system() {
        proves(here!(), "system");
    }

    #[test]
    fn by_popen() {
        proves(here!(), "popen");
    }

    #[test]
    fn by_underscore_fork() {
        proves(here!(), "clone-_Fork");
    }

    #[test]
    fn by_a_raw_clone() {
        match cannot_look() {
            None => proves(here!(), "clone-syscall"),
            Some(reason) => skip(here!(), reason),
        }
    }

    #[test]
    fn by_a_clone_instruction() {
        proves(here!(), "clone-instruction");
    }

    #[test]
    fn that_executed_and_lives_without_the_close_on_exec_connection() {
        Gauntlet::of(Victim::c("helper_process")).prove(here!());
    }
}

fn kernel_has_mptcp() -> bool {
    // SAFETY: no memory is passed; the descriptor is closed again at once.
    unsafe {
        let fd = libc::socket(libc::AF_INET, libc::SOCK_STREAM, libc::IPPROTO_MPTCP);
        fd >= 0 && libc::close(fd) == 0
    }
}

//! Situations in which a close, or the end of a process, once did harm: jumps out of a handler,
//! small stacks, limits that are reached, another libc, log files that make a writer wait. A
//! program does the same natively and shimmed.

use shim_tests::arena::Arena;
use shim_tests::program::Exit;
use shim_tests::shim::Shim;
use shim_tests::twice::{alike, says};
use shim_tests::victim::{Victim, compiled, compiled_library};
use shim_tests::{here, skip};
use std::path::Path;
use std::process::Command;

/// The frame of a signal handler of ours did not fit: `SIGSEGV`.
#[test]
fn the_end_of_a_process_with_a_coroutine_on_a_page_of_stack_keeps_its_status() {
    for way in ["sleeps", "computes", "comes-back"] {
        says(here!(), &Victim::c("small_coroutine").arg(way), &["ended as they wished: 10 of 10"]);
    }
}

/// libc's signal for `setuid` had our handler for 50 ms after it, or for ever: `setuid` hung.
#[test]
fn an_exec_that_is_refused_leaves_threads_and_setuid_as_they_were() {
    says(here!(), &Victim::c("exec_refused"), &["refused 5, users set 5, the thread works"]);
}

mod a_jump_out_of_a_close {
    use super::*;

    /// The connection stayed open on a private number for ever, the peer waited, and the thread
    /// could not be cancelled any more.
    #[test]
    fn leaves_nothing_behind() {
        says(here!(), &Victim::c("jump").arg("alone"), &["ends: 150 of 150, the thread can be cancelled: 1"]);
    }

    /// A directory of procfs stayed open as well.
    #[test]
    fn that_has_asked_procfs_leaves_nothing_behind() {
        says(here!(), &Victim::c("jump").arg("spawned"), &["ends: 150 of 150, the thread can be cancelled: 1"]);
    }
}

/// The last thread that the user could have was ours.
#[test]
fn the_last_thread_or_process_that_a_user_may_have_is_the_program_s() {
    for what in ["thread", "fork", "spawn", "popen", "system"] {
        says(here!(), &Victim::c("thread_limit").arg(what), &["made: 5 of 5"]);
    }
}

mod the_limit_of_descriptors {
    use super::*;

    const CALLS: [&str; 12] = [
        "open",
        "openat",
        "creat",
        "pipe",
        "socketpair",
        "eventfd",
        "memfd",
        "inotify",
        "fopen",
        "opendir",
        "socket",
        "dup",
    ];

    fn all_of(test: &str, soft: &str, hard: &str) {
        for call in CALLS {
            let victim = Victim::c("every_number").arg(soft).arg(hard).arg(call);
            let Some(said) = alike(test, |arena, shim| victim.start(arena, shim).finish().stdout) else { return };
            assert!(said[0].ends_with("then EMFILE"), "{said:?}");
        }
    }

    /// `open` and the others failed where natively there were numbers left.
    #[test]
    fn is_the_program_s() {
        all_of(here!(), "64", "64");
    }

    /// The soft limit is raised for the length of a call, and no longer.
    #[test]
    fn is_the_program_s_where_it_could_be_raised() {
        all_of(here!(), "64", "4096");
    }

    #[test]
    fn is_what_the_program_has_made_it_beside_threads_that_close() {
        says(here!(), &Victim::c("limit_beside"), &["inherited 60, spawned 60, kept 1"]);
    }
}

mod a_port_that_was_closed_with_something_unread {
    use super::*;

    /// `EADDRINUSE`.
    #[test]
    fn can_be_bound_again() {
        says(here!(), &Victim::c("busy_port").arg("bind"), &["bind: ok"]);
    }

    /// `EADDRNOTAVAIL`.
    #[test]
    fn can_be_connected_from_again() {
        says(here!(), &Victim::c("busy_port").arg("connect"), &["bind: ok, connect: ok"; 4]);
    }

    /// Natively it is busy as well, and the connection lives: it is not reset for a `bind`.
    #[test]
    fn is_busy_where_nothing_was() {
        says(here!(), &Victim::c("busy_port").arg("going-on"), &["bind: EADDRINUSE"]);
    }
}

/// Its argument and its answer were cut to 32 bits.
#[test]
fn the_closesocket_of_a_library_gets_all_of_its_argument() {
    let library = compiled_library("lib_closesocket");
    let victim = Victim::c("wide_socket").behind(&library).arg(library);
    says(here!(), &victim, &["the answer is the library's: 1; the number is open: 0"]);
}

mod the_log {
    use super::*;
    use shim_tests::scratch::Scratch;

    fn talking(way: &str) -> Victim {
        // The constructor complains as well.
        Victim::c("log_to").arg(way).env("SOFTCLOSE_LOG", "debug").env("SOFTCLOSE_IDLE", "rubbish")
    }

    fn to_file(way: &str, path: &Path) -> Victim {
        talking(way).env("SOFTCLOSE_LOG_FILE", path.to_str().expect("UTF-8"))
    }

    /// What a victim says, and how it ends.
    fn lives(test: &str, victim: &Victim, expected: &[&str]) {
        let Some((exit, said)) = alike(test, |arena, shim| {
            let finished = victim.start(arena, shim).finish();
            (finished.exit, finished.stdout)
        }) else {
            return;
        };
        assert_eq!((exit, said), (Exit::Code(0), expected.iter().map(ToString::to_string).collect()));
    }

    /// The program hung until somebody read.
    #[test]
    fn to_a_fifo_that_nobody_reads_holds_nobody_up() {
        let directory = Scratch::directory();
        let fifo = directory.path().join("fifo");
        assert!(Command::new("mkfifo").arg(&fifo).status().expect("mkfifo").success());
        lives(here!(), &to_file("fifo", &fifo), &["alive"]);
    }

    /// `SIGXFSZ`.
    #[test]
    fn to_a_file_that_may_not_grow_kills_nobody() {
        let directory = Scratch::directory();
        lives(here!(), &to_file("limit", &directory.path().join("log")), &["alive"]);
    }

    #[test]
    fn to_a_full_pipe_holds_nobody_up() {
        lives(here!(), &talking("full"), &["alive"]);
    }

    /// A warning of the constructor was a `SIGPIPE`.
    #[test]
    fn to_a_pipe_without_a_reader_kills_nobody_at_the_start() {
        lives(here!(), &talking("nobody"), &["alive"]);
    }

    /// A warning of the constructor was the beginning of the answer.
    #[test]
    fn never_lands_in_the_connection_of_a_client() {
        lives(here!(), &talking("client"), &["the client got: -1", "alive"]);
    }

    /// A line at the exit of each `ls` landed in what its caller reads.
    #[test]
    fn says_nothing_of_a_process_without_tcp() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let victim = Victim::program("/bin/ls".into()).arg("/dev/null").env("SOFTCLOSE_LOG", "info");
        let finished = victim.start(&arena, Shim::Preloaded).finish();
        assert!(finished.stderr.is_empty(), "{finished:#?}");
    }
}

/// What Valgrind's tools say of a program in which two threads of ours and its own discard.
mod valgrind {
    use super::*;

    fn finds_nothing(test: &str, tool: &str) {
        let valgrind = "/usr/bin/valgrind";
        if !Path::new(valgrind).exists() {
            return skip(test, "there is no valgrind");
        }
        let Some(arena) = Arena::or_skip(test) else { return };
        let victim = Victim::program(valgrind.into()).arg("-q").arg("--error-exitcode=9").arg(tool);
        let finished = victim.arg(compiled("discards")).start(&arena, Shim::Preloaded).finish();
        assert_eq!((finished.exit, &finished.stdout[..]), (Exit::Code(0), &["closed".to_owned()][..]), "{finished:#?}");
    }

    /// The buffer of the discarding `recv` was a null pointer.
    #[test]
    fn finds_no_bad_address() {
        finds_nothing(here!(), "--tool=memcheck");
    }

    /// Atomic loads and stores were races.
    #[test]
    fn finds_no_race() {
        finds_nothing(here!(), "--tool=helgrind");
    }
}

/// Chromium did not start: the child of its sandbox, which has no thread-local storage of libc's,
/// crashed in our hooks.
#[test]
fn a_child_whose_thread_local_storage_is_not_libc_s_calls_what_it_likes() {
    for memory in ["shared", "copied"] {
        for call in ["_exit", "close", "close_socket", "open", "dup2", "shutdown", "setsockopt", "execve"] {
            let victim = Victim::c("foreign_storage").arg(memory).arg(call);
            says(here!(), &victim, &["status 0, signal 0"]);
        }
    }
}

//! The end of a process is as prompt as natively. Everything that is no connection is released at
//! once, the process is gone at once, and `softclose-drain` finishes the connections that are left.

use shim_tests::arena::Arena;
use shim_tests::peer::Peer;
use shim_tests::proc::{descriptors, wait_until};
use shim_tests::program::{Exit, Finished, Program};
use shim_tests::scratch::Scratch;
use shim_tests::shim::{FINISHER, Shim, library};
use shim_tests::twice::says;
use shim_tests::victim::{Victim, compiled_library};
use shim_tests::{DEADLINE, here, skip, tests_of_every_exit};
use std::fs;

/// Later than any test waits for an event.
const FAR: &str = "50s";

/// What everybody who looks finds, as natively.
const RELEASED: [&str; 4] =
    ["pipe: its end", "a new client: Connection refused", "a new instance: listens", "locks: 0 0"];

fn leaves(way: &str, where_: &str) -> Victim {
    Victim::c("exit_leaves").arg(way).arg(where_).env("SOFTCLOSE_EXIT_TIMEOUT", FAR).env("SOFTCLOSE_IDLE", FAR)
}

fn field(pid: u32, name: &str) -> String {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).expect("it is there");
    let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("every kernel says so");
    line.trim_start_matches(':').trim().to_owned()
}

/// Runs the victim; `meanwhile` is called when it has looked around.
fn run(arena: &Arena, victim: &Victim, shim: Shim, meanwhile: impl FnOnce(&Program)) -> Finished {
    let mut program = victim.start(arena, shim);
    if program.says("process: ").is_ok() {
        meanwhile(&program);
        program.go();
    }
    program.finish()
}

mod releases_everything_else_and_delivers {
    use super::*;

    fn proves(test: &str, way: &str) {
        for shim in Shim::BOTH {
            let Some(arena) = Arena::or_skip(test) else { return };
            let finished = run(&arena, &leaves(way, "here"), shim, |_| {
                let expected = usize::from(shim == Shim::Preloaded);
                wait_until("it is finished by another", || arena.finishers().len() == expected);
            });
            let answer = if shim == Shim::Native { "the answer: some" } else { "the answer: all" };
            let expected = [&RELEASED[..], &["process: status 7", answer]].concat();
            assert_eq!(finished.stdout, expected, "{shim:?}: {finished:#?}");
            wait_until("nobody is left", || arena.finishers().is_empty());
        }
    }

    tests_of_every_exit!(proves);
}

/// The finisher is found among the processes, and nothing waits for it.
#[test]
fn who_finishes_has_nothing_but_the_connection() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let mut is_seen = false;
    run(&arena, &leaves("exit", "here"), Shim::Preloaded, |_| {
        is_seen = true;
        wait_until("it is finished by another", || arena.finishers().len() == 1);
        let pid = arena.finishers()[0];
        assert_eq!(descriptors(pid).values().collect::<Vec<_>>(), ["socket"]);
        let cwd = fs::read_link(format!("/proc/{pid}/cwd")).expect("it is there");
        assert_eq!(cwd.to_str(), Some("/"));
        // It has its name before its arguments.
        let command = || fs::read(format!("/proc/{pid}/cmdline")).expect("it is there");
        wait_until("it shows its name", || command().starts_with(b"softclose-drain\0"));
        assert_eq!(fs::read(format!("/proc/{pid}/environ")).expect("it is there"), b"");
        // All but SIGKILL and SIGSTOP.
        wait_until("it hears nobody", || field(pid, "SigBlk") == "fffffffffffbfeff");
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("it is there");
        let mut ids = stat.rsplit_once(") ").expect("a name").1.split(' ').skip(2).take(2);
        assert!(ids.all(|id| id == pid.to_string()), "a group and a session of its own: {stat}");
    });
    assert!(is_seen);
}

#[test]
fn is_told_in_the_log() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let victim = leaves("exit", "here").env("SOFTCLOSE_LOG", "info");
    let finished = run(&arena, &victim, Shim::Preloaded, |_| {});
    let has = |words: &[&str]| finished.stderr.iter().any(|line| words.iter().all(|word| line.contains(word)));
    assert!(has(&[" handed over ", "connections=1"]), "{finished:#?}");
    assert!(has(&[" exit ", "handed-over=1", "exit-handovers=1"]), "{finished:#?}");
}

/// Where a finisher would end with somebody, or cannot be, the process itself waits; all else
/// is released all the same.
mod waits_in_place {
    use super::*;

    fn proves(test: &str, victim: &Victim, shim: Shim) {
        let Some(arena) = Arena::or_skip(test) else { return };
        let finished = run(&arena, victim, shim, |_| assert!(arena.finishers().is_empty()));
        if let Some(reason) = finished.stdout.iter().find_map(|line| line.strip_prefix("unsupported: ")) {
            return skip(test, reason);
        }
        let expected = [&RELEASED[..], &["process: there", "the answer: all", "status 7"]].concat();
        assert_eq!(finished.stdout, expected, "{finished:#?}");
    }

    #[test]
    fn as_pid_1_of_a_namespace() {
        proves(here!(), &leaves("exit", "pid1"), Shim::Preloaded);
    }

    #[test]
    fn as_a_child_of_pid_1_of_a_namespace() {
        proves(here!(), &leaves("exit", "below-pid1"), Shim::Preloaded);
    }

    #[test]
    fn where_no_process_may_be_made() {
        proves(here!(), &leaves("exit", "poor"), Shim::Preloaded);
    }

    /// A library alone.
    fn lone(scratch: &Scratch) -> String {
        let library = fs::read(library()).expect("the library");
        scratch.file("libsoftclose.so", "755", &library).to_str().expect("a path of UTF-8").to_owned()
    }

    fn with(library: &str) -> Victim {
        leaves("exit", "waits").env("LD_PRELOAD", library)
    }

    #[test]
    fn where_the_program_is_missing() {
        let scratch = Scratch::directory();
        proves(here!(), &with(&lone(&scratch)), Shim::Native);
    }

    #[test]
    fn where_the_program_cannot_be_executed() {
        let scratch = Scratch::directory();
        let library = lone(&scratch);
        scratch.file(FINISHER, "644", b"no program");
        proves(here!(), &with(&library), Shim::Native);
    }

    #[test]
    fn where_the_program_is_no_program() {
        let scratch = Scratch::directory();
        let library = lone(&scratch);
        scratch.file(FINISHER, "755", b"no program");
        proves(here!(), &with(&library), Shim::Native);
    }
}

/// `curl -sN URL | head -1` took two seconds.
#[test]
fn a_client_that_has_enough_ends_at_once() {
    for way in ["return", "_exit"] {
        for shim in Shim::BOTH {
            let Some(arena) = Arena::or_skip(here!()) else { return };
            let mut server = Peer::listening().pour().wait().start(&arena);
            let victim = Victim::c("client_ends").arg(way).arg(server.program().port().to_string());
            let victim = victim.env("SOFTCLOSE_EXIT_TIMEOUT", FAR).env("SOFTCLOSE_CONNECTED_MAX_BYTES", "0");
            let mut victim = victim.start(&arena, shim);
            let exit = victim.exit();
            let expected: &[&str] = if way == "return" { &["enough"] } else { &[] };
            assert_eq!(exit, Exit::Code(7), "{way}, {shim:?}");
            assert_eq!(victim.last_words(DEADLINE), expected, "{way}, {shim:?}");
            let expected = usize::from(shim == Shim::Preloaded);
            wait_until("it is finished by another", || arena.finishers().len() == expected);
            server.leave();
            wait_until("nobody is left", || arena.finishers().is_empty());
        }
    }
}

/// PRoot reports the status of the process that ended last: that was softclose-drain, with 0.
mod is_no_other_status_for_a_tracer_that_reports_the_last_one {
    use super::*;

    fn proves(test: &str, victim: &Victim) {
        for (shim, after) in [(Shim::Native, 0), (Shim::Preloaded, 1)] {
            let Some(arena) = Arena::or_skip(test) else { return };
            let finished = run(&arena, victim, shim, |_| {});
            let expected = ["the last one: status 7".to_owned(), format!("ended after the program: {after}")];
            assert_eq!(finished.stdout, expected, "{shim:?}: {finished:#?}");
        }
    }

    fn alone(test: &str, way: &str) {
        proves(test, &Victim::c("traced").arg(way));
    }

    tests_of_every_exit!(alone);

    #[test]
    fn by_number() {
        alone(here!(), "exit_group");
    }

    #[test]
    fn beside_other_threads() {
        for way in ["exit", "quick_exit"] {
            proves(here!(), &Victim::c("traced").arg(way).arg("threads"));
        }
    }
}

/// libc puts a file that was read back to where the program was: whoever has the same open
/// file goes on there.
#[test]
fn leaves_a_file_at_the_place_up_to_which_it_was_read() {
    says(here!(), &Victim::c("exit_seeks"), &["status 7, then second"]);
}

/// A connection that is left alone is closed with all others, but not so that its
/// `SO_LINGER` makes the end wait.
#[test]
fn waits_for_nobody_who_lingers() {
    says(here!(), &Victim::c("exit_lingers").env("SOFTCLOSE_ROLE", "accepted"), &["status 7"]);
}

/// Natively libc writes out its streams while the other threads still run, and may need them
/// for that. Once they had been stopped before, the end hung; once the connections were
/// half-closed meanwhile, a thread that wrote to one was killed by `SIGPIPE`.
mod lets_the_other_threads_run_while_libc_writes_its_streams {
    use super::*;

    fn same(test: &str, how: &str, expected: &[&str]) {
        for place in [None, Some("pid1")] {
            let victim = Victim::c("exit_streams").arg(how).env("SOFTCLOSE_EXIT_TIMEOUT", "200ms");
            says(test, &place.into_iter().fold(victim, Victim::arg), expected);
        }
    }

    #[test]
    fn one_of_which_takes_the_text() {
        same(here!(), "logger", &["status 7, signal 0"]);
    }

    #[test]
    fn one_of_which_has_a_lock() {
        same(here!(), "lock", &["text: 119999", "status 7, signal 0"]);
    }

    #[test]
    fn one_of_which_writes_its_response() {
        same(here!(), "busy", &["response: 2097152", "text: 119999", "status 7, signal 0"]);
    }
}

/// A few words in a stream made the end of a container's pid 1 the native one, if it had threads: those are
/// stopped while it waits, and one of them could have been the reader of the words.
mod writes_what_has_room {
    use super::*;

    fn proves(test: &str, kind: &str, words: usize) {
        for (shim, answer) in [(Shim::Native, "lost"), (Shim::Preloaded, "all")] {
            let Some(arena) = Arena::or_skip(test) else { return };
            let finished = Victim::c("exit_few_words").arg(kind).start(&arena, shim).finish();
            if let Some(reason) = finished.stdout.iter().find_map(|line| line.strip_prefix("unsupported: ")) {
                return skip(test, reason);
            }
            let expected = [format!("words: {words}, the answer: {answer}"), "status 7, signal 0".to_owned()];
            assert_eq!(finished.stdout, expected, "{shim:?}: {finished:#?}");
        }
    }

    #[test]
    fn in_a_pipe() {
        proves(here!(), "pipe", 7);
    }

    #[test]
    fn in_a_socket() {
        proves(here!(), "socket", 7);
    }

    #[test]
    fn nowhere() {
        proves(here!(), "nowhere", 0);
    }
}

/// It got a child that it had never made, and waited for it.
#[test]
fn leaves_no_child_to_a_subreaper() {
    let victim = Victim::c("subreaper").env("SOFTCLOSE_EXIT_TIMEOUT", "100ms");
    says(here!(), &victim, &["worker: status 7", "another child: none"]);
}

/// There was one more process for each connection that a peer had not finished yet, and soon
/// the server itself could make none.
#[test]
fn leaves_room_for_the_program_s_own_processes() {
    says(here!(), &Victim::c("few_processes"), &["served: 40", "answered: 40"]);
}

/// softclose-drain stayed in it, for two seconds.
#[test]
fn leaves_nobody_in_its_process_group() {
    says(here!(), &Victim::c("job_group"), &["job: status 7", "group: empty"]);
}

/// A handler that is registered first is called last: after softclose had ended the process.
#[test]
fn calls_what_a_library_that_began_first_has_asked_quick_exit_for() {
    let victim = Victim::c("quick_word").behind(compiled_library("lib_quick"));
    says(here!(), &victim, &["last word", "status 7"]);
}

//! Programs for musl: the library finds out which libc a program has.
//!
//! These are a few of the victims; `make test-musl` runs nearly all tests with victims for musl.

use shim_tests::gauntlet::Gauntlet;
use shim_tests::here;
use shim_tests::scratch::Scratch;
use shim_tests::shim::library;
use shim_tests::skip;
use shim_tests::twice::{Service, says};
use shim_tests::victim::Victim;

fn compiled(test: &str, name: &str, arguments: &[&str]) -> Option<Victim> {
    let victim = Victim::musl(name);
    if victim.is_none() {
        skip(test, "no musl-gcc");
    }
    victim.map(|victim| arguments.iter().fold(victim, |victim, &argument| victim.arg(argument)))
}

mod delivers {
    use super::*;

    fn proves(test: &str, name: &str, arguments: &[&str], status: i32) {
        let gauntlet = |victim| Gauntlet::of(victim).exits_with(status);
        compiled(test, name, arguments).into_iter().for_each(|victim| gauntlet(victim).prove(test));
    }

    #[test]
    fn by_close() {
        proves(here!(), "blocking", &[], 0);
    }

    #[test]
    fn at_the_end_by_exit() {
        proves(here!(), "exit_open", &["exit"], 7);
    }

    #[test]
    fn at_the_end_by_return_from_main() {
        proves(here!(), "exit_open", &["return"], 7);
    }

    #[test]
    fn at_the_end_by_underscore_exit() {
        proves(here!(), "exit_open", &["_exit"], 7);
    }

    /// musl calls the handlers of `atexit` before the destructors.
    #[test]
    fn at_the_end_what_a_destructor_writes() {
        proves(here!(), "last_words", &[], 7);
    }

    #[test]
    fn at_the_end_what_stdio_has_buffered() {
        proves(here!(), "exit_stdio", &[], 7);
    }
}

mod leaves_a_connection_to_its_other_holder {
    use super::*;

    fn proves(test: &str, name: &str, arguments: &[&str]) {
        compiled(test, name, arguments).into_iter().for_each(|victim| Service::of(victim).when_closed().prove(test));
    }

    #[test]
    fn a_fork_child() {
        let service = |victim| Service::of(victim).prove(here!());
        compiled(here!(), "fork_child_goes_on", &[]).into_iter().for_each(service);
    }

    #[test]
    fn a_program_that_was_spawned_with_a_file_action() {
        proves(here!(), "spawn_holder", &["posix_spawn", "action"]);
    }

    #[test]
    fn a_shell_in_the_background() {
        proves(here!(), "system_holder", &[]);
    }

    /// The lengths in the headers have bytes beside them that may be anything.
    #[test]
    fn a_message() {
        proves(here!(), "passed_in_flight", &["sendmsg", "recvmsg"]);
    }
}

/// musl tells its handlers not that it is `quick_exit`.
#[test]
fn quick_exit_discards_what_stdio_has_buffered() {
    compiled(here!(), "quick_exit_discards", &[]).into_iter().for_each(|victim| says(here!(), &victim, &[]));
}

/// The loader of musl does not replace `$LIB`, so that the library is not in the program.
#[test]
fn is_not_told_of_counts_where_ld_preload_has_a_dollar_sign() {
    let Some(program) = Victim::musl_path("told_of_ticket") else { return skip(here!(), "no musl-gcc") };
    let scratch = Scratch::directory();
    let multiarch = format!("lib/{}-linux-gnu", std::env::consts::ARCH);
    std::fs::create_dir_all(scratch.path().join(&multiarch)).expect("a directory");
    std::fs::copy(library(), scratch.path().join(&multiarch).join("libsoftclose.so")).expect("a copy");
    let preload = format!("{}/$LIB/libsoftclose.so", scratch.path().display());
    let victim = Victim::c("told_of_ticket").arg(program).env("LD_PRELOAD", &preload);
    says(here!(), &victim, &["told of 0"]);
}

/// Its loader found symbols that musl has not, and gave up.
#[test]
fn starts_and_calls_everything_that_is_hooked() {
    let expected = ["end: 0", "fork: 3", "vfork: 4", "spawn: 5", "system: 6", "dup2: 9", "close: 0, setuid: 0", "exec"];
    compiled(here!(), "musl_program", &[]).into_iter().for_each(|victim| says(here!(), &victim, &expected));
}

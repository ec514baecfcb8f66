//! Real runtimes, each on the road that it takes.

use shim_tests::gauntlet::Gauntlet;
use shim_tests::victim::Victim;
use shim_tests::{here, skip};

mod node {
    use super::*;

    fn delivers(test: &str, ending: &str) {
        match Victim::node("early_http") {
            Some(victim) => Gauntlet::of(victim.arg(ending)).http().prove(test),
            None => skip(test, "no node"),
        }
    }

    #[test]
    fn that_ends_an_early_answer() {
        delivers(here!(), "end");
    }

    #[test]
    fn that_destroys_the_request_after_an_early_answer() {
        delivers(here!(), "destroy");
    }

    #[test]
    fn that_destroys_the_connection_after_an_early_answer() {
        delivers(here!(), "close");
    }
}

#[test]
fn python_that_closes_by_a_system_call() {
    match Victim::python("early_syscall") {
        Some(victim) => Gauntlet::of(victim).prove(here!()),
        None => skip(here!(), "no python3"),
    }
}

/// A JDK without a compiler cannot start a source.
#[test]
fn java_that_closes_while_a_thread_reads() {
    match Victim::java("EarlyAnswer") {
        Some(victim) if has_java_compiler() => Gauntlet::of(victim).after_close().prove(here!()),
        _ => skip(here!(), "no java with a compiler"),
    }
}

fn has_java_compiler() -> bool {
    std::process::Command::new("javac").arg("-version").output().is_ok_and(|output| output.status.success())
}

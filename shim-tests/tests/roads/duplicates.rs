//! `dup2` and `dup3` over a connection: one that fails ends nothing, and the
//! number stays in use.

use shim_tests::gauntlet::Gauntlet;
use shim_tests::here;
use shim_tests::twice::{Service, says};
use shim_tests::victim::Victim;

#[test]
fn a_call_that_fails_leaves_the_connection_alone() {
    Service::of(Victim::c("dup2_fails")).prove(here!());
}

mod one_connection_over_another_delivers_both {
    use super::*;

    fn delivers(test: &str, road: &str) {
        Gauntlet::of(Victim::c("dup2_connections").arg(road)).copies(2).prove(test);
    }

    #[test]
    fn by_dup2() {
        delivers(here!(), "dup2");
    }

    #[test]
    fn by_dup3() {
        delivers(here!(), "dup3");
    }

    #[test]
    fn by_syscall_dup2() {
        delivers(here!(), "SYS_dup2");
    }
}

/// Also over those that are private to a drain: whose they were is nobody's
/// business.
#[test]
fn every_number_can_be_covered_while_a_drain_is_at_work() {
    for road in ["dup2", "dup3", "SYS_dup2", "SYS_dup3"] {
        let expected = ["strange numbers: 0", "strange numbers at last: 0"];
        says(here!(), &Victim::c("dup2_everywhere").arg(road), &expected);
    }
}

//! Ends of a process that `tests/delivery.rs` does not have: by its last thread,
//! and of a server whose parent knows nothing of softclose.

use shim_tests::gauntlet::Gauntlet;
use shim_tests::proc::cannot_look;
use shim_tests::shim::{Shim, library};
use shim_tests::victim::Victim;
use shim_tests::{here, skip};

mod by_its_last_thread_delivers {
    use super::*;

    fn delivers(test: &str, connection: &str, way: &str) {
        Gauntlet::of(Victim::c("last_thread").arg(connection).arg(way)).prove(test);
    }

    #[test]
    fn an_open_connection_when_it_returns() {
        delivers(here!(), "open", "return");
    }

    #[test]
    fn an_open_connection_when_it_calls_pthread_exit() {
        delivers(here!(), "open", "pthread_exit");
    }

    #[test]
    fn a_closed_connection_when_it_returns() {
        delivers(here!(), "closed", "return");
    }

    #[test]
    fn a_closed_connection_when_it_calls_pthread_exit() {
        delivers(here!(), "closed", "pthread_exit");
    }
}

mod of_a_server_on_its_standard_streams_delivers {
    use super::*;

    /// Only a look at every process tells that nobody else has them.
    fn can_look(test: &str) -> bool {
        let cannot = cannot_look();
        if let Some(reason) = cannot {
            skip(test, reason);
        }
        cannot.is_none()
    }

    #[test]
    fn with_all_three_of_them() {
        if can_look(here!()) {
            Gauntlet::of(Victim::c("inetd").arg("three")).prove(here!());
        }
    }

    /// The parent runs natively in both halves.
    #[test]
    fn when_its_parent_was_never_shimmed() {
        let library = library().to_str().expect("a path of UTF-8");
        let inetd = Victim::c("inetd").arg("three");
        let shimmed = Gauntlet::of(inetd.clone().env("PRELOAD_CHILD", library));
        if can_look(here!()) {
            Gauntlet::of(inetd).loses(here!(), Shim::Native);
            if let Some(outcome) = shimmed.run(here!(), Shim::Native) {
                shimmed.assert_delivered(&outcome);
            }
        }
    }
}

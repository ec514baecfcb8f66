//! Programs with an io_uring. libuv has one in every program, but only to change epoll sets:
//! softclose helps such a process as any other. As soon as a ring may hold a connection in another
//! way, every close is left alone.

use shim_tests::here;
use shim_tests::late::{Late, ends};
use shim_tests::twice::says;
use shim_tests::victim::Victim;

/// A test for each shape.
macro_rules! shapes {
    ($($(#[$meta:meta])* $name:ident: $late:ident;)*) => { $(
        $(#[$meta])*
        #[test]
        fn $name() {
            ends(here!(), "rings", stringify!($name), Late::$late);
        }
    )* };
}

mod harmless {
    use super::*;

    shapes! {
        sets_only: Taken;
        /// As libuv asks for it since Linux 6.6.
        sets_only_without_array: Taken;
        idle: Taken;
        added_again: Taken;
        taken_out_by_ring: Taken;
        one_fails: Taken;
        added_late: Taken;
        probed: Taken;
        closed: Taken;
        closed_by_range: Taken;
        many_one_after_the_other: Taken;
        used_by_another_thread: Taken;
        beside_a_program: Taken;
        beside_a_child: Taken;
        inherited_and_closed: Taken;
    }

    #[test]
    fn added_while_closing() {
        says(here!(), &Victim::c("rings").arg("added_while_closing"), &["events: 0"]);
    }
}

mod harmful {
    use super::*;

    shapes! {
        polled: Refused;
        sent: Refused;
        drained: Refused;
        queued: Refused;
        polled_by_the_kernel: Refused;
        duplicated: Refused;
        many_at_a_time: Refused;
        inherited: Refused;
    }

    /// The ring has the connection as well.
    #[test]
    fn with_registered_files() {
        says(here!(), &Victim::c("rings").arg("with_registered_files"), &["events: 1", "late data: taken"]);
    }
}

mod behind_the_hooks {
    use super::*;

    /// Of what is pending nothing is cut off, whatever a close is to become.
    fn goes_on(test: &str, shape: &str) {
        for strategy in ["drain", "abort", "both"] {
            let victim = Victim::c("rings").arg(shape).env("SOFTCLOSE_STRATEGY", strategy);
            says(test, &victim, &["the peer has got 16777216, then the end"]);
        }
    }

    #[test]
    fn pending() {
        goes_on(here!(), "pending");
    }

    #[test]
    fn pending_in_another() {
        goes_on(here!(), "pending_in_another");
    }

    shapes! {
        sent_by_instruction: Refused;
        another_by_instruction: Refused;
        another_before: Refused;
        another_of_another_thread: Refused;
        used_by_a_child: Refused;
    }
}

//! Streams over a connection: libc closes inside itself, and writes out first.

use shim_tests::gauntlet::Gauntlet;
use shim_tests::here;
use shim_tests::twice::{Service, same_transcript, says};
use shim_tests::victim::Victim;

/// `fclose`, with part of the response in the buffer or all of it.
mod closed_streams_are_delivered {
    use super::*;

    fn delivers(test: &str, how: &str) {
        for kib in ["64", "4096"] {
            Gauntlet::of(Victim::c("fclose").arg(how).arg(kib)).prove(test);
        }
    }

    #[test]
    fn one_for_writing() {
        delivers(here!(), "w");
    }

    #[test]
    fn one_for_both_directions() {
        delivers(here!(), "r+");
    }

    #[test]
    fn one_by_another_thread() {
        delivers(here!(), "thread");
    }

    #[test]
    fn two_of_which_the_reader_is_closed_first() {
        delivers(here!(), "reader-first");
    }

    #[test]
    fn two_of_which_the_writer_is_closed_first() {
        delivers(here!(), "writer-first");
    }

    #[test]
    fn two_of_which_one_has_read_the_request() {
        delivers(here!(), "request");
    }
}

#[test]
fn one_of_two_streams_is_closed_and_the_other_goes_on() {
    Service::of(Victim::c("fdopen_kept")).prove(here!());
}

#[test]
fn a_stream_that_another_thread_reads_is_closed_when_it_has_read() {
    says(here!(), &Victim::c("fclose_locked"), &["fgetc: x", "fclose: 0", "the peer: end"]);
}

mod reopened_streams_are_delivered {
    use super::*;

    fn delivers(test: &str, how: &str) {
        Gauntlet::of(Victim::c("freopen").arg(how)).prove(test);
    }

    #[test]
    fn by_freopen() {
        delivers(here!(), "freopen");
    }

    #[test]
    fn by_freopen64() {
        delivers(here!(), "freopen64");
    }

    #[test]
    fn when_the_new_file_is_missing() {
        delivers(here!(), "missing");
    }

    #[test]
    fn when_only_the_mode_was_to_change() {
        delivers(here!(), "NULL");
    }

    #[test]
    fn when_it_was_standard_error() {
        delivers(here!(), "stderr");
    }
}

/// It writes out, and closes nothing.
mod after_fcloseall {
    use super::*;

    fn delivers(test: &str, way: &str) {
        Gauntlet::of(Victim::c("fcloseall").arg(way)).exits_with(7).prove(test);
    }

    #[test]
    fn exit_delivers() {
        delivers(here!(), "exit");
    }

    #[test]
    fn underscore_exit_delivers() {
        delivers(here!(), "_exit");
    }

    #[test]
    fn close_delivers() {
        delivers(here!(), "close");
    }
}

mod a_close_that_cannot_write_out {
    use super::*;

    #[test]
    fn because_the_queue_is_full_fails_as_natively() {
        let expected = ["fclose: -1 EAGAIN, signals 0", "the peer gets all, then the end", "the number is free"];
        says(here!(), &Victim::c("fclose_fails").arg("full"), &expected);
    }

    #[test]
    fn because_the_peer_has_reset_fails_as_natively() {
        let expected = ["fclose: -1 ECONNRESET, signals 0", "the number is free"];
        says(here!(), &Victim::c("fclose_fails").arg("reset"), &expected);
    }

    #[test]
    fn after_a_failed_flush_raises_as_many_signals_as_natively() {
        let expected = ["fflush: -1 ECONNRESET, signals 0", "fclose: -1 EPIPE, signals 1", "the number is free"];
        says(here!(), &Victim::c("fclose_fails").arg("flushed"), &expected);
    }
}

#[test]
fn streams_over_anything_else_are_closed_as_natively() {
    if let Some(finished) = same_transcript(here!(), &Victim::c("fclose_other")) {
        assert!(finished.stdout.len() > 30, "{finished:#?}");
    }
}

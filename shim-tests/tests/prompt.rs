//! What a drain does not wait for: threads that are not there, an error queue, a slow reader. And
//! what it does not take: the processor, and numbers of the program's descriptors.

use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::peer::{Peer, Upload};
use shim_tests::shim::Shim;
use shim_tests::strace::{self, Caller};
use shim_tests::twice::says;
use shim_tests::victim::Victim;
use std::time::{Duration, Instant};

/// Nobody is blocked in `recv`. Each of them waited 200 ms for somebody who might be.
mod an_early_answer_beside_threads_waits_for_no_reader {
    use super::*;

    const CONNECTIONS: usize = 60;
    /// A third of what they took together.
    const SOON: Duration = Duration::from_secs(4);

    fn answers(test: &str, way: &str) {
        let Some(arena) = Arena::or_skip(test) else { return };
        let victim = Victim::c("early_beside_threads").arg(way).arg(CONNECTIONS.to_string());
        let mut victim = victim.start(&arena, Shim::Preloaded);
        // The upload is not done before most of it is discarded.
        let peer = Peer::to(victim.port()).send_buffer(64 << 10);
        let script = peer.ask(64, 0).read(64).upload(1 << 20).read_to_end().rounds(CONNECTIONS);
        let start = Instant::now();
        let tally = script.start(&arena).tally();
        let took = start.elapsed();
        assert!(tally.all(|report| report.has_all_of(64) && report.upload == Upload::Done), "{tally:#?}");
        assert!(took < SOON, "{took:?}");
    }

    #[test]
    fn on_sockets_that_block() {
        answers(here!(), "blocking");
    }

    #[test]
    fn on_sockets_that_do_not() {
        answers(here!(), "nonblocking");
    }

    /// A thread that waits on the next connection looked like a reader of this one.
    #[test]
    fn where_a_thread_reads_from_what_has_the_number_now() {
        answers(here!(), "reused");
    }
}

/// It came 5 to 10 ms after the data, or 25 to 35: nobody looked before the next tick, and
/// where calls do not wait time was to tell.
mod the_end_comes_with_the_data_beside_threads {
    use super::*;

    fn comes(test: &str, way: &str, threads: &str) {
        says(test, &Victim::c("end_beside_threads").arg(way).arg(threads).arg("100"), &["late: few"]);
    }

    #[test]
    fn on_sockets_that_block() {
        comes(here!(), "blocking", "8");
    }

    #[test]
    fn on_sockets_that_do_not() {
        comes(here!(), "nonblocking", "8");
    }

    #[test]
    fn beside_many_threads() {
        comes(here!(), "blocking", "100");
    }

    /// The kernel does not tell what they are at, but it tells that they sleep.
    #[test]
    fn of_a_process_that_has_changed_its_user() {
        comes(here!(), "unprivileged", "8");
    }
}

/// The FIN came with the bound on silence: the socket was "in error", and so not writable.
mod the_end_comes_after_the_data {
    use super::*;

    fn comes(test: &str, way: &str) {
        says(test, &Victim::c("error_queue").arg(way), &["400000 bytes, then the end"]);
    }

    #[test]
    fn where_the_error_queue_is_empty() {
        comes(here!(), "neither");
    }

    #[test]
    fn of_zero_copy_whose_completions_nobody_reads() {
        comes(here!(), "zerocopy");
    }

    #[test]
    fn with_timestamps_of_what_was_sent_that_nobody_reads() {
        comes(here!(), "timestamps");
    }
}

/// It came 35 ms later: the peer took the connection for a living one, and sent its next
/// request.
#[test]
fn the_end_on_a_socket_that_does_not_block_comes_with_the_close() {
    says(here!(), &Victim::c("end_at_once"), &["the FIN: sent"]);
}

/// A thread that was blocked in a write on the number was taken for a writer of the connection that
/// was closed, for some sixty or two hundred looks.
mod the_end_comes_soon_where_another_connection_has_the_number {
    use super::*;

    #[test]
    fn and_a_thread_waits_in_a_write_on_it() {
        says(here!(), &Victim::c("number_reused").arg("write"), &["the end: soon"]);
    }

    #[test]
    fn and_a_thread_waits_in_sendfile_on_it() {
        says(here!(), &Victim::c("number_reused").arg("sendfile"), &["the end: soon"]);
    }
}

/// The thread looked at each of them every 5 ms, or span.
mod what_is_held_takes_no_processor {
    use super::*;

    fn is_quiet(test: &str, way: &str, strategy: &str) {
        let victim = Victim::c("held_quietly").arg(way).arg("200").open_files(4096);
        says(test, &victim.env("SOFTCLOSE_STRATEGY", strategy), &["switches: few"]);
    }

    #[test]
    fn beside_peers_that_do_not_read() {
        is_quiet(here!(), "full", "drain");
    }

    #[test]
    fn with_news_in_the_error_queue() {
        is_quiet(here!(), "zerocopy", "drain");
    }

    #[test]
    fn with_news_in_the_error_queue_of_what_is_not_read() {
        is_quiet(here!(), "zerocopy", "wait");
    }

    #[test]
    fn with_news_in_the_error_queue_of_what_lingers() {
        is_quiet(here!(), "zerocopy", "linger");
    }
}

/// `poll` called that an error, and answered at once, again and again.
mod news_in_the_error_queue_takes_no_processor {
    use super::*;

    #[test]
    fn of_a_close_of_the_inline_engine() {
        let victim = Victim::c("waits_quietly").arg("close").env("SOFTCLOSE_ENGINE", "inline");
        says(here!(), &victim, &["processor: little"]);
    }

    #[test]
    fn of_the_end_of_a_process() {
        says(here!(), &Victim::c("waits_quietly").arg("exit"), &["processor: little"]);
    }
}

/// A close read one file of procfs for each thread.
#[test]
fn a_close_looks_at_no_thread() {
    let Some(arena) = strace::arena_or_skip(here!()) else { return };
    let opened = |threads: &str| {
        // The end of the process looks at them, before it stops them.
        let victim = Victim::c("among_threads").arg(threads).arg("20").env("SOFTCLOSE_EXIT_TIMEOUT", "0");
        let calls = strace::calls_of(&victim, &arena, Shim::Preloaded);
        calls.get(&(Caller::Program, "openat".to_owned())).copied().unwrap_or(0)
    };
    let [few, many] = ["1", "100"].map(opened);
    assert!(many <= few + 20, "{few} files opened beside one thread, {many} beside a hundred");
}

#[test]
fn whoever_looks_at_threads_opens_nothing_in_the_program() {
    says(here!(), &Victim::c("numbers_stay_free"), &["changes: 0"]);
}

/// It inherited what the thread that closed first had, and never ran.
mod the_thread_runs_as_the_process_was_started {
    use super::*;

    #[test]
    fn where_a_thread_of_real_time_closes() {
        says(here!(), &Victim::c("scheduled").arg("fifo"), &["the peer is done, other threads are free"]);
    }

    #[test]
    fn where_a_pinned_thread_closes() {
        says(here!(), &Victim::c("scheduled").arg("pinned"), &["the peer is done, other threads are free"]);
    }
}

//! A connection on which the program never sent a byte has no response to lose, and ends as
//! natively. A drain would acknowledge what the peer still sends. A sender that never gets an
//! answer takes what is acknowledged for delivered: in this way syslog, statsd and graphite lost
//! half of their lines.

use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::peer::{Peer, Report, Upload};
use shim_tests::proc::wait_until;
use shim_tests::program::Program;
use shim_tests::shim::Shim;
use shim_tests::stats::Memory;
use shim_tests::twice::{alike, twice};
use shim_tests::victim::Victim;

/// Long, so that nothing ends a drain before its time.
const FAR: &str = "1m";

fn sink(way: &str, answer: &str) -> Victim {
    let victim = Victim::c("nothing_sent").arg(way).arg(answer);
    ["SOFTCLOSE_IDLE", "SOFTCLOSE_SHUTDOWN_GRACE", "SOFTCLOSE_EXIT_TIMEOUT"]
        .into_iter()
        .fold(victim, |victim, name| victim.env(name, FAR))
}

/// What becomes of a peer that sends until a write fails.
fn sends_on(arena: &Arena, victim: &mut Program) -> Report {
    Peer::to(victim.port()).ask(0, 1000).firehose().start(arena).report()
}

fn is_refused(test: &str, way: &str) {
    let seen = alike(test, |arena, shim| {
        let before = arena.counters();
        let mut victim = sink(way, "silent").start(arena, shim);
        let report = sends_on(arena, &mut victim);
        (report.upload, arena.counters().since(before).aborts())
    });
    if let Some(seen) = seen {
        assert_eq!(seen, (Upload::Refused, 1));
    }
}

#[test]
fn a_sender_that_is_never_answered_learns_of_a_close() {
    is_refused(here!(), "close");
}

#[test]
fn a_sender_that_is_never_answered_learns_of_a_shutdown() {
    is_refused(here!(), "shut");
}

#[test]
fn a_sender_that_is_never_answered_learns_of_the_end_of_the_process() {
    is_refused(here!(), "exit");
}

#[test]
fn a_server_that_sends_to_a_silent_client_learns_of_its_close() {
    let seen = alike(here!(), |arena, shim| {
        let mut peer = Peer::listening().ask(0, 1000).firehose().start(arena);
        let port = peer.program().port().to_string();
        let _client = sink("close", "silent").arg(port).start(arena, shim);
        peer.report().upload
    });
    if let Some(upload) = seen {
        assert_eq!(upload, Upload::Refused);
    }
}

/// One byte is a response: the sink's peer may send all that it has, and reads it.
#[test]
fn after_a_single_byte_there_is_something_to_save() {
    /// More than the buffers of both ends take while the sink has not closed yet.
    const UPLOAD: usize = 32 << 20;
    let seen = twice(here!(), |arena, shim| {
        let mut victim = sink("close", "sends").start(arena, shim);
        let peer = Peer::to(victim.port()).ask(0, 1000).upload(UPLOAD).read_to_end();
        let report = peer.start(arena).report();
        (report.upload, report.received)
    });
    if let Some((native, shimmed)) = seen {
        assert_eq!((native.0, shimmed), (Upload::Refused, (Upload::Done, 1)));
    }
}

#[test]
fn it_is_counted_and_explained() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let memory = Memory::directory();
    let mut victim = memory.shows(sink("close", "silent")).start(&arena, Shim::Preloaded);
    sends_on(&arena, &mut victim);
    let count = || memory.stat(victim.pid()).number("left_alone_total.nothing-sent");
    wait_until("it is counted", || count() == 1);
    let explained = memory.says(&["explain", &victim.pid().to_string()]);
    assert!(explained.contains("nothing-sent: the program never sent a byte"), "{explained}");
}

//! The log: one line a connection, one at exit; to syslog as well, and never in the way.

use shim_tests::arena::Arena;
use shim_tests::here;
use shim_tests::peer::Peer;
use shim_tests::proc::wait_until;
use shim_tests::program::{Exit, Finished};
use shim_tests::shim::Shim;
use shim_tests::stats::Memory;
use shim_tests::victim::Victim;
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::Duration;

/// Serves as many connections, each with 1,000 bytes unread.
fn serve(arena: &Arena, victim: Victim, connections: usize) -> Finished {
    let mut victim = victim.arg(connections.to_string()).start(arena, Shim::Preloaded);
    let peer = Peer::to(victim.port()).copies(connections).ask(64, 1000).upload(1000).read_to_end();
    peer.start(arena).tally();
    victim.expect("closed");
    victim.finish()
}

fn value<'a>(line: &'a str, key: &str) -> &'a str {
    let found = line.split(' ').find_map(|word| word.strip_prefix(key)?.strip_prefix('='));
    found.unwrap_or_else(|| panic!("no {key} in {line:?}"))
}

#[test]
fn a_line_about_a_connection_says_with_whom_it_was_and_how_it_ended() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let finished = serve(&arena, Victim::c("serve").env("SOFTCLOSE_LOG", "debug"), 1);
    let line = finished.stderr.iter().find(|line| line.contains(" drained ")).expect("a line");
    let port = finished.stdout[0].strip_prefix("port ").expect("the port");
    assert_eq!(value(line, "local"), format!("127.0.0.1:{port}"));
    assert!(value(line, "peer").starts_with("127.0.0.1:"), "{line}");
    let expected = [
        ("role", "accepted"),
        ("state", "established"),
        ("unread", "1000"),
        ("strategy", "drain"),
        ("end", "fin"),
        ("discarded", "1000"),
        ("unacknowledged", "0"),
    ];
    for (key, word) in expected {
        assert_eq!(value(line, key), word, "{line}");
    }
    assert!(value(line, "ms").parse::<u32>().is_ok(), "{line}");
}

#[test]
fn the_line_at_exit_says_what_was_saved() {
    let Some(arena) = Arena::or_skip(here!()) else { return };
    let finished = serve(&arena, Victim::c("serve").env("SOFTCLOSE_LOG", "info"), 3);
    let [line] = &finished.stderr[..] else { panic!("{finished:#?}") };
    assert!(line.contains(" exit "), "{line}");
    for (key, count) in [("drains", "3"), ("resets-avoided", "3"), ("discarded", "3000"), ("fin", "3")] {
        assert_eq!(value(line, key), count, "{line}");
    }
}

mod syslog {
    use super::*;

    fn talks_to(socket: &Path) -> Victim {
        let socket = format!("syslog:{}", socket.display());
        Victim::c("serve").env("SOFTCLOSE_LOG", "debug").env("SOFTCLOSE_LOG_FILE", &socket)
    }

    fn hear(socket: &UnixDatagram) -> Vec<String> {
        let mut room = [0; 2048];
        let mut lines = Vec::new();
        while let Ok(len) = socket.recv(&mut room) {
            lines.push(String::from_utf8_lossy(&room[..len]).into_owned());
        }
        lines
    }

    fn bind(path: &Path) -> UnixDatagram {
        let socket = UnixDatagram::bind(path).expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(1))).expect("a timeout");
        socket
    }

    #[test]
    fn gets_each_line_with_its_severity() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let socket = bind(&memory.path().join("log"));
        let finished = serve(&arena, talks_to(&memory.path().join("log")), 1);
        let lines = hear(&socket);
        assert!(lines.iter().any(|line| line.starts_with("<31>softclose[") && line.contains(" drained ")), "{lines:?}");
        assert!(lines.iter().any(|line| line.starts_with("<30>softclose[") && line.contains(" exit ")), "{lines:?}");
        assert!(lines.iter().all(|line| !line.contains('\n')), "{lines:?}");
        assert!(finished.stderr.is_empty(), "{finished:#?}");
    }

    /// Its queue is short; who does not read must not hold anybody up.
    #[test]
    fn that_does_not_read_holds_nobody_up_and_lines_are_counted() {
        const CONNECTIONS: usize = 600;
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let socket = bind(&memory.path().join("log"));
        let victim = memory.shows(talks_to(&memory.path().join("log"))).arg(CONNECTIONS.to_string());
        let mut victim = victim.start(&arena, Shim::Preloaded);
        let peer = Peer::to(victim.port()).copies(8).rounds(CONNECTIONS / 8).ask(64, 0).read_to_end();
        assert!(peer.start(&arena).tally().all(|report| report.has_all_of(64)));
        victim.expect("closed");
        let dropped = || memory.stat(victim.pid()).number("log_lines_dropped_total");
        wait_until("the queue is full", || dropped() > 0);
        // The drainer may still be writing: each line is heard or counted.
        let mut heard = 0;
        wait_until("every line is accounted for", || {
            heard += hear(&socket).len() as u64;
            heard + dropped() >= CONNECTIONS as u64
        });
        assert_eq!(victim.finish().exit, Exit::Code(0));
    }

    #[test]
    fn that_was_started_anew_is_found_again() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let path = memory.path().join("log");
        let first = bind(&path);
        let mut victim = talks_to(&path).arg("2").start(&arena, Shim::Preloaded);
        let port = victim.port();
        Peer::to(port).ask(64, 0).read_to_end().start(&arena).tally();
        drop(first);
        std::fs::remove_file(&path).expect("the socket");
        let second = bind(&path);
        Peer::to(port).ask(64, 0).read_to_end().start(&arena).tally();
        victim.expect("closed");
        victim.finish();
        assert!(hear(&second).iter().any(|line| line.contains(" exit ")), "nothing came");
    }

    #[test]
    fn that_is_not_there_is_said_once_and_stderr_is_used() {
        let Some(arena) = Arena::or_skip(here!()) else { return };
        let memory = Memory::directory();
        let finished = serve(&arena, talks_to(&memory.path().join("nobody")), 1);
        assert!(finished.stderr[0].contains("cannot be opened; using stderr"), "{finished:#?}");
        assert!(finished.stderr.iter().any(|line| line.contains(" drained ")), "{finished:#?}");
    }
}

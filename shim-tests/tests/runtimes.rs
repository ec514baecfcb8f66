//! Interpreters and virtual machines, as this machine has them. Each serves a few connections in
//! its own way, and ends with the same status as natively.

use shim_tests::installed::find;
use shim_tests::peer::Peer;
use shim_tests::program::Exit;
use shim_tests::twice::{alike, without_port};
use shim_tests::victim::{Victim, source};
use shim_tests::{here, skip};

/// A small one, read by the peer to the end, which is an end without a reset.
const RESPONSE: usize = 20_000;

fn serves(test: &str, victim: Option<Victim>) {
    let Some(victim) = victim else { return skip(test, "it is not installed") };
    let seen = alike(test, |arena, shim| {
        let mut victim = victim.start(arena, shim);
        let peers = Peer::to(victim.port()).copies(3).ask(RESPONSE, 0).read_to_end();
        let tally = peers.start(arena).tally();
        // It has enough to do; the end of its input would be a sign to end.
        assert_eq!(victim.exit(), Exit::Code(7), "{shim:?}");
        (tally, without_port(victim.finish()))
    });
    if let Some((tally, finished)) = seen {
        assert!(tally.all(|report| report.has_all_of(RESPONSE)), "{tally:#?}\n{finished:#?}");
    }
}

fn script(interpreter: &str, file: &str) -> Option<Victim> {
    Some(Victim::program(find(interpreter)?.into()).arg(source(file)))
}

fn multiprocessing(test: &str, way: &str) {
    serves(test, Victim::python("processes").map(|victim| victim.arg(way)));
}

#[test]
fn python_with_forked_processes() {
    multiprocessing(here!(), "fork");
}

#[test]
fn python_with_spawned_processes() {
    multiprocessing(here!(), "spawn");
}

#[test]
fn python_with_a_server_of_forks() {
    multiprocessing(here!(), "forkserver");
}

#[test]
fn python_with_subprocesses_in_threads() {
    serves(here!(), Victim::python("subprocesses"));
}

#[test]
fn perl() {
    serves(here!(), script("perl", "server.pl"));
}

#[test]
fn node() {
    serves(here!(), script("node", "server.js"));
}

#[test]
fn java() {
    serves(here!(), script("java", "Server.java"));
}

#[test]
fn tclsh() {
    serves(here!(), script("tclsh", "server.tcl"));
}

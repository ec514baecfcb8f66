//! What an operator sees: counters that agree with what was done and with what the kernel
//! counted, in files that nobody can hijack, and a command that shows them.

mod command;
mod files;
mod hostile;
mod log;
mod numbers;
mod secure;

use shim_tests::arena::Arena;
use shim_tests::peer::{Peer, RunningPeer};
use shim_tests::program::Program;
use shim_tests::shim::Shim;
use shim_tests::stats::Memory;
use shim_tests::victim::Victim;

/// A server that serves `connections` and then waits, and says nothing to a peer that
/// keeps its end open.
fn served(arena: &Arena, memory: &Memory, connections: usize) -> Program {
    let mut victim = memory.shows(Victim::c("serve").arg(connections.to_string())).start(arena, Shim::Preloaded);
    let peer = Peer::to(victim.port()).copies(connections).ask(64, 0).read_to_end().start(arena);
    victim.expect("closed");
    peer.leave();
    victim
}

/// A server with one connection in drain, and the silent peer of it.
fn holding(arena: &Arena, victim: Victim) -> (Program, RunningPeer) {
    let mut victim = victim.arg("1").start(arena, Shim::Preloaded);
    let peer = Peer::to(victim.port()).ask(64, 0).wait().start(arena);
    victim.expect("closed");
    (victim, peer)
}

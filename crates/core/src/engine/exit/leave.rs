//! Another program, `softclose-drain`, finishes what this process leaves open.
//!
//! Context: the end of the process.

use super::inventory::Inventory;
use super::kept_numbers::KeptNumbers;
use super::work::ExitWork;
use crate::bounds::End;
use crate::engine::Engine;
use crate::engine::exit::connections;
use crate::finisher;
use crate::holders::ledger::Owner;
use crate::holders::ledger::Stamp;
use crate::leftovers::Leftovers;
use crate::settings::LogLevel;
use crate::sys::clock::Millis;
use crate::sys::known_directory::KnownDirectory;
use crate::sys::signals::{self, Mask};
use rustix::process::Pid;

/// Beside other threads nothing is done that they could notice: they run on while libc writes
/// out its streams. `softclose-drain` gets what is open, and begins the close when this process
/// has gone. False where there can be no such program, or where there is no other thread.
#[inline(never)]
pub(super) fn leave_as_it_is(
    engine: &'static Engine,
    owner: Owner<'_>,
    inventory: &Inventory,
    status: u8,
    bound: u32,
) -> bool {
    if super::is_alone(engine) {
        return false;
    }
    let deadline = Millis::now().plus(bound);
    let Some(home) = finisher(engine, owner, deadline) else { return false };
    let before = engine.ledger.stamp();
    let left = Leftovers::for_another(inventory.ours + inventory.held, engine.context);
    let mut work = ExitWork { left, kept: KeptNumbers::with_room(0) };
    engine.drain.surrender(|held| work.left.take_over(held));
    connections::half_close_open(engine, owner, inventory, &mut work, deadline);
    if let Some(finisher) = leave_to(engine, owner, home, &mut work.left, status, deadline) {
        note_finisher(engine, owner, finisher, before);
    }
    true
}

/// A child that another thread has made meanwhile may hold the connections too: then nobody
/// finishes them.
fn note_finisher(engine: &Engine, owner: Owner<'_>, finisher: Pid, before: Stamp) {
    owner.finished_by(finisher);
    if engine.ledger.stamp() != before {
        owner.end_finisher();
    }
}

/// Where `softclose-drain` lies, if it can be started and does no harm.
fn finisher(engine: &Engine, owner: Owner<'_>, deadline: Millis) -> Option<&'static KnownDirectory> {
    let is_welcome = || !owner.troubles_its_parent() && finisher::is_welcome(engine.ledger.has_forked());
    engine.context.finisher.filter(|_| deadline.since(Millis::now()) != 0 && is_welcome())
}

/// Leaves the connections to `softclose-drain`; false where they are still ours.
pub(super) fn leave_to_finisher(
    engine: &Engine,
    owner: Owner<'_>,
    left: &mut Leftovers<'_>,
    status: u8,
    deadline: Millis,
) -> bool {
    finisher(engine, owner, deadline)
        .is_some_and(|home| leave_to(engine, owner, home, left, status, deadline).is_some())
}

fn leave_to(
    engine: &Engine,
    owner: Owner<'_>,
    home: &KnownDirectory,
    left: &mut Leftovers<'_>,
    status: u8,
    deadline: Millis,
) -> Option<Pid> {
    let place = if left.is_empty() { None } else { owner.reserve_finisher() }?;
    // A signal must run no handler of the program's in the process that is being made.
    let signals = signals::hold();
    let made = finisher::leave_to(home, left, deadline.since(Millis::now()), status);
    signals.into_iter().for_each(Mask::let_in);
    let pid = made.ok()?;
    place.take(pid);
    engine.context.counters.handed_over();
    engine.context.report(LogLevel::Info, |line| {
        line.text(" handed over").field("connections", left.len() as u64);
        line.field("to", u64::from(pid.as_raw_nonzero().get().unsigned_abs()));
    });
    left.end_all(End::HandedOver);
    Some(pid)
}

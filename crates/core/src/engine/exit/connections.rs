//! What is done to each connection that is still open at the end of the process.
//!
//! Context: the end of the process.

use super::inventory::{Inventory, each_given_up};
use super::kept_numbers::KeptNumbers;
use super::work::ExitWork;
use crate::decision::{Reason, Verdict};
use crate::engine::Engine;
use crate::engine::at_once;
use crate::engine::leaving;
use crate::engine::left_alone;
use crate::engine::sets;
use crate::engine::verdict;
use crate::holders::ledger::Owner;
use crate::leftovers::Leftovers;
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::socket;

/// Begins the close of every connection that is open and held by this process alone.
#[inline(never)]
pub(super) fn half_close_open(
    engine: &'static Engine,
    owner: Owner<'_>,
    inventory: &Inventory,
    work: &mut ExitWork<'_>,
    deadline: Millis,
) {
    // The time since the inventory was taken is no time of looks.
    let inventory = &inventory.again();
    each_open(owner, inventory, deadline, |fd| finish_one(engine, owner, fd, inventory, work));
}

/// Counts what is lost of the connections that are only observed, where none is finished: no
/// thread is stopped for that.
#[inline(never)]
pub(super) fn observe_open(engine: &'static Engine, owner: Owner<'_>, inventory: &Inventory, deadline: Millis) {
    if !left_alone::observes(engine) {
        return;
    }
    let mut none = ExitWork { left: Leftovers::with_room(0, engine.context), kept: KeptNumbers::with_room(0) };
    each_open(owner, inventory, deadline, |fd| {
        if !leaving::is_ours(engine, owner, fd) {
            finish_one(engine, owner, fd, inventory, &mut none);
        }
    });
}

fn each_open(owner: Owner<'_>, inventory: &Inventory, deadline: Millis, mut visit: impl FnMut(Fd)) {
    // A look at procfs for each connection that the counts do not decide must not take longer
    // than the bound.
    let visit_in_time = |fd| {
        if deadline.since(Millis::now()) != 0 {
            visit(fd);
        }
    };
    each_given_up(owner, inventory.looks, visit_in_time);
}

fn finish_one(engine: &'static Engine, owner: Owner<'_>, fd: Fd, inventory: &Inventory, work: &mut ExitWork<'_>) {
    let Ok(info) = socket::tcp_info(fd) else { return };
    let claim = inventory.looks.limit(owner.release_at_end(fd));
    let role = claim.entry.role;
    let (verdict, strategy) = verdict::of(engine, owner, fd, info, claim, true);
    // A close waits for a connection with SO_LINGER, the end of a process does not
    // (`inet_release`).
    let lingers = owner.may_have_options(claim.entry) && socket::linger(fd).is_some_and(|seconds| seconds != 0);
    match verdict {
        Verdict::LeaveAlone(Reason::Unconnected) => return,
        Verdict::LeaveAlone(reason) => _ = left_alone::leave_alone(engine, fd, role, reason),
        Verdict::Observe => _ = left_alone::observe(engine, fd, role),
        Verdict::Discard => _ = at_once::discard(engine, fd, role, strategy),
        Verdict::AtOnce => _ = at_once::begin_close(engine, fd, role, strategy),
        Verdict::Hold | Verdict::WaitUpTo(_) if !sets::leave_shared(engine, owner, fd, &claim) => {
            _ = left_alone::leave_alone(engine, fd, role, Reason::Unsure);
        }
        Verdict::Hold | Verdict::WaitUpTo(_) => {
            if lingers {
                socket::linger_off(fd);
            }
            return leaving::take_in(engine, fd, role, strategy, &mut work.left);
        }
    }
    if lingers {
        work.kept.add(fd);
    }
}

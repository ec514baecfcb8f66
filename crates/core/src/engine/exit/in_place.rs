//! The process waits for its connections itself, where no other program can finish them.
//!
//! Context: the end of the process. It waits, within the exit bound.

use super::work::ExitWork;
use crate::bounds::End;
use crate::engine::Engine;
use crate::engine::leaving::TICK_MS;
use crate::holders::ledger::Owner;
use crate::sys::clock::Millis;
use crate::sys::close_all::close_all_but;
use crate::sys::{descriptors, thread};

/// Gives up all numbers but the connections, and waits for these until `deadline`. From here on
/// the end is certain, and so is the exit status: no signal changes it, as none would natively.
/// False where it does not wait: the process ends as natively.
#[inline(never)]
pub(super) fn wait_in_place(engine: &Engine, owner: Owner<'_>, work: &mut ExitWork<'_>, deadline: Millis) -> bool {
    // A process that waits counts among those that finish. And numbers of a table that another
    // process uses as well cannot be closed.
    let place = if owner.may_share_table() { None } else { owner.reserve_finisher() };
    let waits = place.is_some() && release_others(engine, owner, work);
    if waits {
        thread::block_signals();
        engine.drain.apply_due(true);
        work.left.drain_until(deadline, TICK_MS);
    }
    work.left.end_all(End::Exit);
    waits
}

/// Closes every number but those of the connections, and of our log if it may be written to.
/// False where that cannot be done.
fn release_others(engine: &Engine, owner: Owner<'_>, work: &mut ExitWork<'_>) -> bool {
    let ExitWork { left, kept } = work;
    left.numbers().for_each(|fd| kept.add(fd));
    let log = engine.context.log.number().filter(|_| engine.context.log.is_talkative());
    log.into_iter().for_each(|fd| kept.add(fd));
    if owner.may_linger_in_messages() && !descriptors::each(|fd| kept.add_messenger(fd)) {
        return false;
    }
    kept.sorted().map(close_all_but).is_some()
}

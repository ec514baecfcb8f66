//! What the end of a process and `exec` share: connections that are finished all at the same
//! time, before the process or its program has gone.
//!
//! Context: the thread that ends the process, or executes another program.

use super::{Engine, verdict};
use crate::holders::ledger::Owner;
use crate::leftovers::Leftovers;
use crate::settings::Strategy;
use crate::sys::Fd;
use crate::sys::socket::{Role, is_connected};

/// How often the peers are looked at that have acknowledged everything, in milliseconds.
pub(super) const TICK_MS: u32 = 50;

/// Begins the close of `fd`, and puts it among those whose ends are waited for.
pub(super) fn take_in(engine: &Engine, fd: Fd, role: Role, strategy: Strategy, left: &mut Leftovers<'_>) {
    engine.drain.cancel(fd);
    left.add(fd, role, strategy);
}

/// Whether `fd` is a connection, and the settings let anything be done to it.
pub(super) fn is_ours(engine: &Engine, owner: Owner<'_>, fd: Fd) -> bool {
    is_connected(fd) && verdict::strategy(engine, fd, owner.role(fd)) != Strategy::Observe
}

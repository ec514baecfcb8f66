//! What connections a process has at its end.
//!
//! Context: the end of the process.

use crate::engine::Engine;
use crate::engine::verdict;
use crate::holders::judge::SharedLookBudget;
use crate::holders::ledger::Owner;
use crate::settings::Strategy;
use crate::sys::Fd;
use crate::sys::socket::is_connected;

/// What there is to finish.
pub struct Inventory {
    /// The time for looks at procfs, for connections that other processes may hold as well.
    pub looks: SharedLookBudget,
    /// How many connections are open.
    pub open: usize,
    /// How many of these are to be finished.
    pub ours: usize,
    /// How many closed connections the drain holds.
    pub held: usize,
}

impl Inventory {
    /// The same, with all the time for looks.
    pub fn again(&self) -> Self {
        Self { looks: SharedLookBudget::begin(), ..*self }
    }
}

/// Counts what is open now.
#[inline(never)]
pub(super) fn take(engine: &Engine, owner: Owner<'_>) -> Inventory {
    let (mut open, mut ours, looks) = (0, 0, SharedLookBudget::begin());
    owner.each(|fd| {
        let is_open = (owner.is_only_ours(fd) || !looks.are_over()) && is_connected(fd);
        open += usize::from(is_open);
        ours += usize::from(is_open && verdict::strategy(engine, fd, owner.role(fd)) != Strategy::Observe);
    });
    Inventory { looks: SharedLookBudget::begin(), open, ours, held: engine.drain.held() as usize }
}

/// Calls `visit` for the connections that the ledger knows: first those that no other process
/// was ever counted for, then the others while there is time. A child of a server with thousands
/// of connections has nothing to do with most of them.
///
/// `visit` gives up the number. What it has left is all that the second round finds: to ask again who
/// has a connection could miss one of which another process has let go meanwhile.
pub(super) fn each_given_up(owner: Owner<'_>, looks: SharedLookBudget, mut visit: impl FnMut(Fd)) {
    owner.each(|fd| {
        if owner.is_only_ours(fd) {
            visit(fd);
        }
    });
    owner.each(|fd| {
        if !looks.are_over() {
            visit(fd);
        }
    });
}

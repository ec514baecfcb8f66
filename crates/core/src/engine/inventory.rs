//! What connections a process has at its end.
//!
//! Context: the end of the process.

use super::Engine;
use crate::holders::judge::SharedLookBudget;
use crate::holders::ledger::Owner;
use crate::settings::Strategy;
use crate::sys::socket::is_connected;
use crate::sys::{Fd, descriptors, socket};

/// What there is to finish.
pub struct Inventory {
    /// The time that there is for those that others may have as well.
    pub looks: SharedLookBudget,
    /// Most connections that are open, and that will be finished.
    pub open: usize,
    /// See `open`.
    pub ours: usize,
    /// Those that the drain holds.
    pub held: usize,
}

impl Inventory {
    /// The same, with the time for looks before it.
    pub fn again(&self) -> Self {
        Self { looks: SharedLookBudget::begin(), ..*self }
    }
}

impl Engine {
    /// What there is now.
    #[inline(never)]
    pub(super) fn take_inventory(&self, owner: Owner<'_>) -> Inventory {
        let (mut open, mut ours) = (0, 0);
        each_counted(owner, SharedLookBudget::begin(), |fd| {
            let is_open = is_connected(fd);
            open += usize::from(is_open);
            ours += usize::from(is_open && self.strategy(fd, owner.role(fd)) != Strategy::Observe);
        });
        Inventory { looks: SharedLookBudget::begin(), open, ours, held: self.drain.held() as usize }
    }
}

/// Under how many numbers this process has the connection of `fd`: never too many.
pub fn numbers_of(fd: Fd) -> u64 {
    let (cookie, mut count) = (socket::cookie(fd), 0);
    descriptors::each(|other| count += u64::from(cookie.is_some() && socket::cookie(other) == cookie));
    count
}

/// Calls `visit` for the connections that are counted: first those that this process alone
/// was ever counted for, then the others while there is time. A child of a server with
/// thousands of them has nothing to do with most.
pub fn each_counted(owner: Owner<'_>, looks: SharedLookBudget, mut visit: impl FnMut(Fd)) {
    owner.each(|fd| {
        if owner.is_only_ours(fd) {
            visit(fd);
        }
    });
    owner.each(|fd| {
        if !owner.is_only_ours(fd) && !looks.are_over() {
            visit(fd);
        }
    });
}

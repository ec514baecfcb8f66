//! How soon a fork child ends after its last connection: what it teaches its family.
//!
//! See [`super::deferred`] for what that is good for, and
//! [`Family::is_brief`](crate::ledger::family::Family::is_brief) for what the family
//! makes of it.
//!
//! Context: any hook; lock-free.

use super::Drain;
use crate::ledger::Owner;
use crate::sys::clock::Millis;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

/// A child that ends later than that has done something else, milliseconds.
const SOON_MS: u32 = 100;
/// A child that hands over more does not end with its connection.
const FEW: u32 = 4;

/// What one process has done.
pub(super) struct Brevity {
    is_child: AtomicBool,
    handed_over: AtomicU32,
    latest: AtomicU32,
}

impl Brevity {
    pub const fn new() -> Self {
        Self { is_child: AtomicBool::new(false), handed_over: AtomicU32::new(0), latest: AtomicU32::new(0) }
    }

    /// How many sockets have been given away.
    pub fn handed_over(&self) -> u32 {
        self.handed_over.load(SeqCst)
    }

    pub fn become_child(&self) {
        self.is_child.store(true, SeqCst);
        self.handed_over.store(0, SeqCst);
    }
}

impl Drain {
    /// Whether this process is the child of a fork, and runs the same program.
    pub fn is_child(&self) -> bool {
        self.brevity.is_child.load(SeqCst)
    }

    /// A socket has been given away.
    pub(super) fn handed_over(&self, owner: Owner<'_>) {
        self.brevity.latest.store(Millis::now().0, SeqCst);
        if self.brevity.handed_over.fetch_add(1, SeqCst) == FEW && self.is_child() {
            owner.note_brevity(false);
        }
    }

    /// The process ends.
    pub fn learn(&self, owner: Owner<'_>) {
        let handed_over = self.brevity.handed_over.load(SeqCst);
        if self.is_child() && (1..=FEW).contains(&handed_over) {
            let since = Millis::now().since(Millis(self.brevity.latest.load(SeqCst)));
            owner.note_brevity(since <= SOON_MS);
        }
    }
}

//! Blindness.
//!
//! Context: hooks of any kind.

use super::owner::{Ledger, Owner};
use core::sync::atomic::Ordering::SeqCst;

impl Ledger {
    /// See [`Owner::blinded`].
    pub fn is_blind(&self) -> bool {
        self.blindness.reasons.load(SeqCst) != 0 || self.rings.has_inherited()
    }
}

impl Owner<'_> {
    /// From now on this process can hold sockets in ways that nobody can see: an
    /// `io_uring`, a second descriptor table.
    ///
    /// What it holds now with others, none of them is the last of.
    pub fn blinded(self) {
        self.0.blindness.reasons.fetch_add(1, SeqCst);
        self.0.hand_on_all();
    }

    /// The call that was to make it so has failed.
    pub fn not_blinded(self) {
        self.0.blindness.reasons.fetch_sub(1, SeqCst);
    }

    /// Whether it can.
    pub fn is_blind(self) -> bool {
        self.0.is_blind()
    }

    /// From now on a thread may have a table of descriptors of its own: what one of them
    /// keeps under a number, the drain's thread does not find there.
    pub fn splits_table(self) {
        self.0.blindness.is_table_split.store(true, SeqCst);
    }

    /// Whether a thread may have one.
    pub fn has_split_table(self) -> bool {
        self.0.blindness.is_table_split.load(SeqCst)
    }

    /// Whether another process may have the same table of descriptors, where what this one
    /// closes is closed for both.
    pub fn may_share_table(self) -> bool {
        self.is_blind() || self.0.processes.children.has_untracked()
    }
}

//! Ways to hold sockets that neither hooks nor a look at procfs can follow: a ring of `io_uring` that is
//! not harmless, a second table of descriptors. A process that has one is *blind*.
//!
//! Context: hooks of any kind.

use super::owner::{Ledger, Owner};
use core::sync::atomic::Ordering::SeqCst;

impl Ledger {
    /// Whether this process is blind: by [`Owner::blinded`], or by a ring of its parent's.
    pub fn is_blind(&self) -> bool {
        self.blindness.reasons.load(SeqCst) != 0 || self.rings.has_inherited()
    }
}

impl Owner<'_> {
    /// From now on this process is blind.
    ///
    /// What is open now may go on unseen, also where other processes hold it as well: all of it is marked
    /// [`HANDED_ON`](super::memory::marks::Marks::HANDED_ON).
    pub fn blinded(self) {
        self.0.blindness.reasons.fetch_add(1, SeqCst);
        self.0.hand_on_all();
    }

    /// The call that was to make this process blind has failed.
    pub fn not_blinded(self) {
        self.0.blindness.reasons.fetch_sub(1, SeqCst);
    }

    /// Whether this process is blind.
    pub fn is_blind(self) -> bool {
        self.0.is_blind()
    }

    /// From now on a thread may have a table of descriptors of its own (`unshare(CLONE_FILES)`): what it
    /// keeps under a number is not found there by the drain's thread.
    pub fn splits_table(self) {
        self.0.blindness.is_table_split.store(true, SeqCst);
    }

    /// Whether a thread may have a table of descriptors of its own.
    pub fn has_split_table(self) -> bool {
        self.0.blindness.is_table_split.load(SeqCst)
    }

    /// Whether another process may use the same table of descriptors: what this process closes is closed for
    /// both.
    pub fn may_share_table(self) -> bool {
        self.is_blind() || self.0.processes.children.has_untracked()
    }
}

//! Socket options that change how a close ends: `SO_LINGER`, `TCP_REPAIR`, and the protocol MPTCP.
//!
//! Each would cost a `getsockopt` at every close. So the family notes whether any process has ever set
//! one, and the kernel is asked only then.
//!
//! Context: hooks of any kind.

use super::local::table::Entry;
use super::owner::{Ledger, Owner};
use crate::sys::Fd;
use core::sync::atomic::Ordering::SeqCst;

impl Ledger {
    /// The program sets `SO_LINGER` or `TCP_REPAIR` on a socket, makes an MPTCP socket, or takes over a socket of
    /// which nobody knows its options.
    pub fn set_options(&self) {
        // In this order: there may be no family memory yet, and a thread that makes one reads the first word.
        self.options.store(true, SeqCst);
        self.family().set_options();
    }
}

impl Owner<'_> {
    /// Whether a connection may have `SO_LINGER` or `TCP_REPAIR` set, or be MPTCP. Not if it has a slot and no
    /// process has ever set such an option.
    pub fn may_have_options(self, entry: Entry) -> bool {
        entry.slot.is_none() || self.0.options.load(SeqCst) || self.0.family().has_options()
    }

    /// Whether `fd` may have `SO_LINGER` set.
    pub fn may_linger(self, fd: Fd) -> bool {
        !self.knows(fd) || self.0.family().has_options()
    }

    /// Whether a connection that was sent in a message may have `SO_LINGER` set.
    pub fn may_linger_in_messages(self) -> bool {
        self.0.options.load(SeqCst) || self.0.family().has_options()
    }
}

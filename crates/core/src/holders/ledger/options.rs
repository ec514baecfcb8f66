//! Options.
//!
//! Context: hooks of any kind.

use super::local::table::Entry;
use super::owner::{Ledger, Owner};
use crate::sys::Fd;
use core::sync::atomic::Ordering::SeqCst;

impl Ledger {
    /// The program sets `SO_LINGER` or `TCP_REPAIR` on a socket, takes one over of which
    /// nobody knows whether it was set, or makes one of MPTCP.
    pub fn set_options(&self) {
        // In this order: there may be no memory yet, and it is looked at when there is.
        self.options.store(true, SeqCst);
        self.family().set_options();
    }
}

impl Owner<'_> {
    /// Whether a connection may be other than plain TCP: `SO_LINGER` or `TCP_REPAIR` set, or
    /// MPTCP. Not where hooks have seen it coming, and nobody making any so.
    pub fn may_have_options(self, entry: Entry) -> bool {
        entry.slot.is_none() || self.0.options.load(SeqCst) || self.0.family().has_options()
    }

    /// The same of a number.
    pub fn may_linger(self, fd: Fd) -> bool {
        !self.knows(fd) || self.0.family().has_options()
    }

    /// Whether a connection that was sent may have `SO_LINGER` set.
    pub fn may_linger_in_messages(self) -> bool {
        self.0.options.load(SeqCst) || self.0.family().has_options()
    }
}

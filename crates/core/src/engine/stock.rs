//! Whether hooks have seen every connection and every epoll set of a process.
//!
//! Procfs tells, at some microseconds a descriptor. A server that forks for each
//! connection would have each child ask anew; its parent asks once, before its first
//! fork, and the children take its word: what they get afterwards, hooks see. Natively
//! a child would know no more of what came by a raw instruction meanwhile; its
//! connections then end as they do natively.
//!
//! Context: any hook, on the program's threads; see [`crate::sys::procfs`].

use super::numbers::{each_socket, is_connected};
use crate::ledger::Owner;
use core::sync::atomic::{AtomicU8, Ordering::SeqCst};

/// What is known of it.
pub struct Stock(AtomicU8);

const UNASKED: u8 = 0;
const COMPLETE: u8 = 1;
const INCOMPLETE: u8 = 2;

impl Stock {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(AtomicU8::new(UNASKED))
    }

    /// Whether this process or an ancestor found, as it forked, that hooks had seen
    /// everything.
    pub fn is_complete(&self) -> bool {
        self.0.load(SeqCst) == COMPLETE
    }

    /// Before a fork: takes stock, once for a process and its descendants.
    pub fn take(&self, owner: Owner<'_>) {
        if self.0.load(SeqCst) == UNASKED {
            self.0.store(if is_complete(owner) { COMPLETE } else { INCOMPLETE }, SeqCst);
        }
    }
}

#[inline(never)]
fn is_complete(owner: Owner<'_>) -> bool {
    let mut strays = 0;
    each_socket(|fd| strays += u32::from(!owner.knows(fd) && is_connected(fd)));
    strays == 0
}

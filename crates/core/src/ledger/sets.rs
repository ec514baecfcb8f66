//! The epoll sets that hooks have seen.
//!
//! A program may use `epoll_ctl` by a raw instruction (a rustix-based runtime
//! does). Its sets are then among the descriptors, but not in here, and have to be
//! looked through at every close.
//!
//! Context: hooks of any kind; lock-free. A hint: what does not fit is unknown.

use crate::sys::Fd;
use core::sync::atomic::{AtomicI32, Ordering::SeqCst};

const REMEMBERED: usize = 16;

/// A few numbers, plus one; 0 is an empty place.
pub struct Sets([AtomicI32; REMEMBERED]);

impl Sets {
    /// None seen.
    pub const fn new() -> Self {
        Self([const { AtomicI32::new(0) }; REMEMBERED])
    }

    /// A hook has seen `set`.
    pub fn note(&self, set: Fd) {
        let word = set.raw() + 1;
        if !self.knows(set) {
            let _ = self.0.iter().any(|place| place.compare_exchange(0, word, SeqCst, SeqCst).is_ok());
        }
    }

    /// Whether a hook has seen `set`.
    pub fn knows(&self, set: Fd) -> bool {
        self.0.iter().any(|place| place.load(SeqCst) == set.raw() + 1)
    }
}

//! A word that threads sleep on and others wake; ringing it costs a system call
//! only where somebody sleeps.
//!
//! Context: any; async-signal-safe.

use super::futex;
use crate::sync::{AtomicU32, SeqCst};

/// A bell, and how many wait for it.
pub struct Bell {
    rung: AtomicU32,
    sleepers: AtomicU32,
}

impl Bell {
    /// Not rung.
    pub const fn new() -> Self {
        Self { rung: AtomicU32::new(0), sleepers: AtomicU32::new(0) }
    }

    /// The count to hand to [`Bell::sleep`].
    pub fn count(&self) -> u32 {
        self.rung.load(SeqCst)
    }

    /// Sleeps until the bell has rung since `seen`, or `timeout_ms` is over.
    pub fn sleep(&self, seen: u32, timeout_ms: u32) {
        self.sleep_micros(seen, u64::from(timeout_ms) * 1000);
    }

    /// The same for so many microseconds.
    pub fn sleep_micros(&self, seen: u32, micros: u64) {
        // Before the kernel compares the count, so that a ring is not missed.
        self.sleepers.fetch_add(1, SeqCst);
        futex::wait_micros(&self.rung, seen, micros);
        self.sleepers.fetch_sub(1, SeqCst);
    }

    /// Wakes every sleeper.
    pub fn ring(&self) {
        self.rung.fetch_add(1, SeqCst);
        if self.sleepers.load(SeqCst) != 0 {
            futex::wake_all(&self.rung);
        }
    }

    /// In a fork child: the sleepers did not come along.
    pub fn forget(&self) {
        self.sleepers.store(0, SeqCst);
    }
}

//! An event count: a number of events, which a thread can sleep on until there is another one. To
//! count an event takes a system call (`futex`) only while a thread sleeps.
//!
//! The models in `tests/loom` compile this file as well, with loom's atomics.
//!
//! Context: any; async-signal-safe, lock-free.

use super::futex;
use crate::sync::{AtomicU32, SeqCst};
use crate::zeroed;

zeroed! {
    /// The number of events so far, modulo 2^32, and the number of threads that sleep.
    pub struct EventCount {
        events: AtomicU32,
        sleepers: AtomicU32,
    }
}

impl EventCount {
    /// No event yet, and no thread sleeps.
    pub const fn new() -> Self {
        Self { events: AtomicU32::new(0), sleepers: AtomicU32::new(0) }
    }

    /// The number of events so far, to be handed to [`EventCount::sleep`].
    pub fn count(&self) -> u32 {
        self.events.load(SeqCst)
    }

    /// Sleeps while the number of events is `seen`, at most `timeout_ms` milliseconds. A signal
    /// handler may end the sleep earlier.
    pub fn sleep(&self, seen: u32, timeout_ms: u32) {
        self.sleep_micros(seen, u64::from(timeout_ms) * 1000);
    }

    /// As [`EventCount::sleep`], for at most `micros` microseconds.
    pub fn sleep_micros(&self, seen: u32, micros: u64) {
        // This comes before the kernel compares the count, so that no event is missed.
        self.sleepers.fetch_add(1, SeqCst);
        futex::wait_micros(&self.events, seen, micros);
        self.sleepers.fetch_sub(1, SeqCst);
    }

    /// Counts an event, and wakes every thread that sleeps.
    pub fn notify(&self) {
        self.events.fetch_add(1, SeqCst);
        if self.sleepers.load(SeqCst) != 0 {
            futex::wake_all(&self.events);
        }
    }

    /// To be called in a fork child: the threads that sleep are in the parent.
    pub fn forget(&self) {
        self.sleepers.store(0, SeqCst);
    }
}

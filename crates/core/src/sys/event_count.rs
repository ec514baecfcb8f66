//! An event count: a number that threads wait on until it is raised. To raise it costs a
//! system call (`futex`) only while a thread sleeps on it.
//!
//! Context: any; async-signal-safe.

use super::futex;
use crate::sync::{AtomicU32, SeqCst};
use crate::zeroed;

zeroed! {
    /// The number of events so far, and how many threads wait for the next one.
    pub struct EventCount {
        events: AtomicU32,
        sleepers: AtomicU32,
    }
}

impl EventCount {
    /// No event yet, and nobody waits.
    pub const fn new() -> Self {
        Self { events: AtomicU32::new(0), sleepers: AtomicU32::new(0) }
    }

    /// The number of events so far, to be handed to [`EventCount::sleep`].
    pub fn count(&self) -> u32 {
        self.events.load(SeqCst)
    }

    /// Sleeps until there is an event after the first `seen`, for `timeout_ms` milliseconds at most.
    pub fn sleep(&self, seen: u32, timeout_ms: u32) {
        self.sleep_micros(seen, u64::from(timeout_ms) * 1000);
    }

    /// As [`EventCount::sleep`], for `micros` microseconds at most.
    pub fn sleep_micros(&self, seen: u32, micros: u64) {
        // Before the kernel compares the count, so that no event is missed.
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

    /// To be called in a fork child: the threads that sleep are its parent's.
    pub fn forget(&self) {
        self.sleepers.store(0, SeqCst);
    }
}

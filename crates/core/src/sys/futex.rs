//! `futex(2)` on words of this process.
//!
//! Context: any; async-signal-safe.

use super::clock::timespec;
use core::sync::atomic::AtomicU32;
use rustix::thread::futex::{self, Flags};

/// Sleeps until woken, or `timeout_ms` is over; not at all where the word is no
/// longer `seen` (the kernel compares as it queues the sleeper).
pub fn wait(word: &AtomicU32, seen: u32, timeout_ms: u32) {
    let _ = futex::wait(word, Flags::PRIVATE, seen, Some(&timespec(timeout_ms)));
}

/// Wakes everybody who sleeps on the word.
pub fn wake_all(word: &AtomicU32) {
    let _ = futex::wake(word, Flags::PRIVATE, i32::MAX as u32);
}

//! `futex(2)` on words of this process.
//!
//! Context: any; async-signal-safe.

use crate::sys::clock::timespec_of_micros;
use core::sync::atomic::AtomicU32;
use rustix::thread::futex::{self, Flags};

/// Sleeps until woken, at most `timeout_ms` milliseconds, or until a signal handler has run. It does
/// not sleep at all where the word is no longer `seen`: the kernel compares when it queues the
/// sleeper.
pub fn wait(word: &AtomicU32, seen: u32, timeout_ms: u32) {
    wait_micros(word, seen, u64::from(timeout_ms) * 1000);
}

/// As [`wait`], for at most `micros` microseconds.
pub fn wait_micros(word: &AtomicU32, seen: u32, micros: u64) {
    let _ = futex::wait(word, Flags::PRIVATE, seen, Some(&timespec_of_micros(micros)));
}

/// Wakes every thread that sleeps on the word.
pub fn wake_all(word: &AtomicU32) {
    let _ = futex::wake(word, Flags::PRIVATE, i32::MAX as u32);
}

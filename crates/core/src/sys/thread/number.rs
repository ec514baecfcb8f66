//! What a thread has of libc's: its thread pointer, and by that a number, without a system call.
//!
//! Context: any hook; not our own threads, which have no thread-local storage. Async-signal-safe.

use crate::sys::machine::own_block;

/// A number that no other living thread of this process has; not 0. It is made of the thread
/// pointer: libc gives every thread a stack, and so a page, of its own to keep its data on.
pub fn number() -> u32 {
    const PAGE_BITS: u32 = 12;
    ((own_block()[0] >> PAGE_BITS) as u32).clamp(1, u32::MAX - 1)
}

/// Whether the calling thread has thread-local storage of libc's making. A child that was made by
/// `clone(2)` with `CLONE_SETTLS` may have other memory there, all zeroes mostly; Chromium makes such
/// a child for its sandbox. Our thread-local variables, and libc's functions about threads, would
/// crash there.
pub fn has_storage() -> bool {
    own_block().iter().all(|&word| word != 0)
}

/// The thread pointer: the address of what libc keeps of the calling thread.
pub fn pointer() -> usize {
    own_block()[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_thread_has_a_number_of_its_own() {
        let other = std::thread::spawn(|| (number(), has_storage())).join().expect("it ends");
        assert!(has_storage() && other.1);
        assert_ne!(number(), other.0);
        assert_eq!(number(), number());
    }
}

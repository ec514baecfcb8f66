//! A number for the calling thread, without a system call.
//!
//! Context: any hook on a thread that libc has made; not our own threads, which have no
//! thread-local storage. Async-signal-safe.

thread_local! {
    static HERE: u8 = const { 0 };
}

/// A number that no other living thread of this process has; not 0. It is made of the address of
/// a thread-local variable: every thread has pages of its own for these.
pub fn number() -> u32 {
    const PAGE_BITS: u32 = 12;
    (HERE.with(|here| core::ptr::from_ref(here).addr() >> PAGE_BITS) as u32).clamp(1, u32::MAX - 1)
}

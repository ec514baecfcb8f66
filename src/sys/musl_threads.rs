//! Whether the program has one thread, with musl: by its list of threads.
//!
//! musl keeps a ring of all threads, through the fields `prev` and `next` of `struct pthread`. They lie among
//! the fields that its loader relies on ("Do not change", `pthread_impl.h`), since musl 1.2.0. Where the ring
//! does not look like that when the program starts, it counts as having several threads.
//!
//! Context: any hook; async-signal-safe.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering::Relaxed};
use softclose_core::sys::thread;

/// How far the structure is from the thread pointer: as far in each thread.
static DISTANCE: AtomicUsize = AtomicUsize::new(0);
/// The structure looks as it is described here.
static IS_KNOWN: AtomicBool = AtomicBool::new(false);

/// The begin of `struct pthread`. Where the table of thread-local storage is not among these fields, it lies at
/// the end.
#[repr(C)]
struct Thread {
    itself: *const Thread,
    #[cfg(target_arch = "x86_64")]
    table: *const usize,
    previous: AtomicPtr<Thread>,
    next: AtomicPtr<Thread>,
}

/// Looks for the structure. Called by the constructor, when there is one thread.
pub fn resolve() {
    // SAFETY: no preconditions; musl answers the address of the structure.
    let own = unsafe { libc::pthread_self() } as usize;
    DISTANCE.store(own.wrapping_sub(thread::pointer()), Relaxed);
    let thread = own_thread();
    let [previous, next] = [&thread.previous, &thread.next].map(|other| other.load(Relaxed).cast_const());
    let is_ring_of_one = [thread.itself, previous, next].iter().all(|&other| ptr::eq(other, thread));
    IS_KNOWN.store(is_ring_of_one, Relaxed);
}

/// Whether the calling thread is the only one.
pub fn is_alone() -> bool {
    if !IS_KNOWN.load(Relaxed) {
        return false;
    }
    let thread = own_thread();
    ptr::eq(thread.next.load(Relaxed), thread)
}

fn own_thread() -> &'static Thread {
    let at = thread::pointer().wrapping_add(DISTANCE.load(Relaxed)) as *const Thread;
    // SAFETY: libc's structure of the calling thread, which lives as long as the thread.
    unsafe { &*at }
}

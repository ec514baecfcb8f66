//! A place that the constructor fills, once.
//!
//! std's `OnceLock` reads its state before it writes, and its lock lies in another part of the code:
//! each of these costs a page fault at every start of a program.
//!
//! Context: the constructor fills it. Any hook may read it afterwards.

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

/// Room for a `T` that lives as long as the process.
pub struct Filled<T>(UnsafeCell<MaybeUninit<T>>);

// SAFETY: it is written once, before any other thread has a reference to the content.
unsafe impl<T: Sync> Sync for Filled<T> {}

impl<T> Filled<T> {
    /// An empty place.
    pub const fn new() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }

    /// Fills the place, and answers what is in it from now on.
    ///
    /// # Safety
    /// It is called once.
    pub unsafe fn fill(&'static self, content: T) -> &'static T {
        // SAFETY: the caller's: nobody has a reference to it.
        unsafe { (*self.0.get()).write(content) }
    }
}

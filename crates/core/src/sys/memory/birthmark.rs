//! A mark that tells a process from its fork children.
//!
//! Context: any hook; async-signal-safe.

use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

/// A mark on this process that no copy of it has: a word in a page that the kernel wipes in
/// every fork child (`MADV_WIPEONFORK`, Linux 4.14). It tells even a child apart that was made
/// by a raw system call, so that none of our fork handlers ran.
pub struct Birthmark(AtomicPtr<AtomicUsize>);

impl Birthmark {
    /// The mark of no process yet.
    pub const fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// Marks this process. Where there is no memory for the mark, [`Birthmark::is_set`] is true
    /// in every process.
    pub fn set(&self) {
        const PAGE: usize = 4096;
        if self.0.load(Ordering::Acquire).is_null() {
            let access = ProtFlags::READ | ProtFlags::WRITE;
            // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
            let mapped = unsafe { mmap_anonymous(ptr::null_mut(), PAGE, access, MapFlags::PRIVATE) };
            let Ok(page) = mapped else { return };
            // SAFETY: our own mapping of one page.
            let _ = unsafe { madvise(page, PAGE, Advice::LinuxWipeOnFork) };
            self.0.store(page.cast(), Ordering::Release);
        }
        if let Some(word) = self.word() {
            word.store(1, Ordering::Release);
        }
    }

    /// Whether this process, or one that it is a copy of, was marked.
    pub fn is_made(&self) -> bool {
        !self.0.load(Ordering::Acquire).is_null()
    }

    /// Whether this process was marked itself, and is no copy of a marked one; also where there is no mark.
    pub fn is_set(&self) -> bool {
        self.word().is_none_or(|word| word.load(Ordering::Acquire) == 1)
    }

    fn word(&self) -> Option<&AtomicUsize> {
        // SAFETY: null, or our own page, which lives for ever.
        unsafe { self.0.load(Ordering::Acquire).as_ref() }
    }
}

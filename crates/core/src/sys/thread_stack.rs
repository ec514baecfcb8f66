//! Memory for the stacks of our own threads, kept for the next thread.
//!
//! The lock is only ever tried, never waited for: a hook that finds it taken goes on without
//! a thread.
//!
//! Context: any hook; async-signal-safe.

use core::ptr;
use parking_lot::Mutex;
use rustix::io::{Errno, Result};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous};

/// Memory for the stack of one thread at a time, mapped when the first thread needs it.
pub struct ThreadStack(Option<ptr::NonNull<u8>>);

// SAFETY: the pointer is to a mapping of our own that has no thread affinity.
unsafe impl Send for ThreadStack {}

impl ThreadStack {
    const fn new() -> Self {
        Self(None)
    }

    /// The lowest address of `len` bytes; every call of one stack asks for the same length.
    pub(super) fn base(&mut self, len: usize) -> Result<ptr::NonNull<u8>> {
        if let Some(base) = self.0 {
            return Ok(base);
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::STACK;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, flags) }?;
        // SAFETY: our own mapping; a child has no thread that needs it.
        let _ = unsafe { madvise(base, len, Advice::LinuxDontFork) };
        let base = ptr::NonNull::new(base.cast()).ok_or(Errno::NOMEM)?;
        self.0 = Some(base);
        Ok(base)
    }
}

/// So many stacks under one lock.
pub struct ThreadStacks<const N: usize>(Mutex<[ThreadStack; N]>);

impl<const N: usize> ThreadStacks<N> {
    /// No memory yet.
    pub const fn new() -> Self {
        Self(Mutex::new([const { ThreadStack::new() }; N]))
    }

    /// Calls `body` with stack `index`.
    ///
    /// # Errors
    /// `EBUSY`: another thread has the lock, or there is no such stack. Else what `body` answers.
    pub fn with<T>(&self, index: usize, body: impl FnOnce(&mut ThreadStack) -> Result<T>) -> Result<T> {
        let mut stacks = self.0.try_lock().ok_or(Errno::BUSY)?;
        body(stacks.get_mut(index).ok_or(Errno::BUSY)?)
    }

    /// To be called in a fork child: it has no memory there ([`Advice::LinuxDontFork`]), and
    /// the thread that had the lock did not come along.
    pub fn forget(&self) {
        if self.0.is_locked() {
            // SAFETY: the thread that held it is not in this process, which has only one;
            // nobody can be inside.
            unsafe { self.0.force_unlock() };
        }
        if let Some(mut stacks) = self.0.try_lock() {
            stacks.iter_mut().for_each(|stack| stack.0 = None);
        }
    }
}

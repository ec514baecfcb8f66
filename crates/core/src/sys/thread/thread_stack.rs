//! Memory for the stacks of our own threads. It is kept when a thread ends, for the next one.
//!
//! The lock is only tried, never waited for: a hook that finds it taken goes on without a thread.
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

    /// The lowest address of the `len` bytes. Every call for one stack must ask for the same length.
    ///
    /// # Errors
    /// `ENOMEM`.
    pub(super) fn base(&mut self, len: usize) -> Result<ptr::NonNull<u8>> {
        if let Some(base) = self.0 {
            return Ok(base);
        }
        let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::STACK;
        // SAFETY: a fresh anonymous mapping at an address of the kernel's choice.
        let base = unsafe { mmap_anonymous(ptr::null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, flags) }?;
        // SAFETY: our own mapping; a fork child has no thread that needs it.
        let _ = unsafe { madvise(base, len, Advice::LinuxDontFork) };
        let base = ptr::NonNull::new(base.cast()).ok_or(Errno::NOMEM)?;
        self.0 = Some(base);
        Ok(base)
    }
}

/// `N` stacks under one lock.
pub struct ThreadStacks<const N: usize>(Mutex<[ThreadStack; N]>);

impl<const N: usize> ThreadStacks<N> {
    /// Stacks without memory yet.
    pub const fn new() -> Self {
        Self(Mutex::new([const { ThreadStack::new() }; N]))
    }

    /// Calls `body` with one of the stacks: that whose index `choose` gives, under the lock.
    ///
    /// # Errors
    /// `EBUSY`: another thread has the lock, or there is no such stack. Otherwise those of `body`.
    pub fn with<T>(
        &self,
        choose: impl FnOnce() -> usize,
        body: impl FnOnce(usize, &mut ThreadStack) -> Result<T>,
    ) -> Result<T> {
        let mut stacks = self.0.try_lock().ok_or(Errno::BUSY)?;
        let index = choose();
        body(index, stacks.get_mut(index).ok_or(Errno::BUSY)?)
    }

    /// To be called in a fork child: it has neither the memory ([`Advice::LinuxDontFork`]) nor the
    /// thread that had the lock.
    pub fn forget(&self) {
        if self.0.is_locked() {
            // SAFETY: a fork child has one thread, which is here; the thread that held the lock is
            // not in this process.
            unsafe { self.0.force_unlock() };
        }
        if let Some(mut stacks) = self.0.try_lock() {
            stacks.iter_mut().for_each(|stack| stack.0 = None);
        }
    }
}

//! The ids and the stacks of the drainer's thread, and how it is started.
//!
//! There are two of each. A thread that leaves is on its stack until the kernel has forgotten
//! it, and a new one must not wait for that.
//!
//! Context: any hook; async-signal-safe. The lock of the stacks is only ever tried.

use crate::sys::schedule;
use crate::sys::thread::{self, ThreadId};
use crate::sys::thread_stack::ThreadStacks;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use rustix::io::Errno;
use rustix::process::Pid;

/// The thread that drains, and the former one, which may still be about to leave.
pub struct OwnThreads {
    stacks: ThreadStacks<2>,
    ids: [ThreadId; 2],
    /// How many threads were started, or tried; the lowest bit chooses stack and id.
    started: AtomicU32,
}

impl OwnThreads {
    /// No thread, and no memory yet.
    pub const fn new() -> Self {
        Self { stacks: ThreadStacks::new(), ids: [ThreadId::none(), ThreadId::none()], started: AtomicU32::new(0) }
    }

    /// Starts `body(argument)` on a new thread, on these processors.
    ///
    /// # Errors
    /// `EBUSY`: the thread before the last one has not gone yet, or another thread has the lock
    /// of the stacks. `EAGAIN`, `ENOMEM`, `EPERM`: the kernel gives no thread.
    pub fn spawn<T: Sync>(
        &'static self,
        body: extern "C" fn(&'static T),
        argument: &'static T,
        processors: &[u8],
    ) -> Result<(), Errno> {
        let next = || self.started.fetch_add(1, SeqCst) as usize % 2;
        let id = self.stacks.with(next, |turn, stack| {
            let id = self.ids.get(turn).ok_or(Errno::BUSY)?;
            thread::spawn(stack, id, body, argument).map(|()| id)
        })?;
        if let Some(thread) = id.get() {
            schedule::as_at_start(thread, processors);
        }
        Ok(())
    }

    /// The ids of those that the kernel has not forgotten yet.
    pub fn ids(&self) -> [Option<Pid>; 2] {
        self.ids.each_ref().map(ThreadId::get)
    }

    /// To be called in a fork child, where there is no such thread.
    pub fn forget(&self) {
        self.ids.iter().for_each(ThreadId::forget);
        self.stacks.forget();
    }
}

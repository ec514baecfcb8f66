//! A kernel thread, made by a raw `clone`, that libc does not know: the drainer runs on one.
//!
//! `pthread_create` allocates and takes libc's locks. A hook cannot call it: the hook may run in a
//! signal handler that has interrupted `malloc`. And a thread that libc knows changes the program:
//! `malloc` and stdio no longer take their fast paths for single-threaded programs, and
//! `pthread_exit` of the main thread no longer ends the process. A bare kernel thread does none of
//! this.
//!
//! It has two costs. The thread has no usable thread-local storage, so code that runs on it may use
//! `core`, but nothing else of `std` and nothing of libc. Its thread pointer points to zeroed pages
//! of its own, so that even a stray access (`errno`, the canary of a stack protector) cannot reach
//! the storage of the thread that made it. And libc's `setuid` does not reach it: the drain must
//! follow a change of credentials itself.
//!
//! Context: async-signal-safe.

use super::signals;
use super::thread_stack::ThreadStack;
use crate::sys::machine::{self, IS_EXIT_REFUSED, clone_thread};
use crate::sys::raw::{nr, syscall6};
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};
use rustix::io::{Errno, Result};
use rustix::process::{Pid, getpid};

const STACK: usize = 128 * 1024;
/// Bytes below and above the thread pointer. libc's thread-local variables would lie below it, its
/// control block above.
const TLS_BELOW: usize = 4096;
const TLS_ABOVE: usize = 4096;
/// Bytes of memory that one thread takes.
const MEMORY: usize = STACK + TLS_BELOW + TLS_ABOVE;

const CLONE_VM: usize = 0x100;
const CLONE_FS: usize = 0x200;
const CLONE_FILES: usize = 0x400;
const CLONE_SIGHAND: usize = 0x800;
const CLONE_THREAD: usize = 0x10000;
const CLONE_SYSVSEM: usize = 0x40000;
const CLONE_SETTLS: usize = 0x80000;
const CLONE_PARENT_SETTID: usize = 0x100000;
const CLONE_CHILD_CLEARTID: usize = 0x200000;
const FLAGS: usize = CLONE_VM
    | CLONE_FS
    | CLONE_FILES
    | CLONE_SIGHAND
    | CLONE_THREAD
    | CLONE_SYSVSEM
    | CLONE_SETTLS
    | CLONE_PARENT_SETTID
    | CLONE_CHILD_CLEARTID;

/// The id of a thread. The kernel clears it when the thread has ended (`CLONE_CHILD_CLEARTID`);
/// only then is its stack free for another one.
#[repr(transparent)]
pub struct ThreadId(AtomicU32);

impl ThreadId {
    /// The id of no thread.
    pub const fn none() -> Self {
        Self(AtomicU32::new(0))
    }

    /// The id; `None` before the thread is made and after it has ended.
    pub fn get(&self) -> Option<Pid> {
        Pid::from_raw(self.0.load(Ordering::Acquire) as i32)
    }

    /// To be called in a fork child, which does not have the thread.
    pub fn forget(&self) {
        self.0.store(0, Ordering::Release);
    }
}

/// Whether a thread of ours could end whenever it wanted to. Else no further one is made.
pub fn can_end() -> bool {
    !IS_EXIT_REFUSED.load(Ordering::Relaxed)
}

/// Whether this process still has a thread with this id.
pub fn is_known(thread: Pid) -> bool {
    let (process, thread) = (getpid().as_raw_nonzero().get() as usize, thread.as_raw_nonzero().get() as usize);
    // SAFETY: tgkill with integer arguments; signal 0 only asks.
    unsafe { syscall6(nr::TGKILL, [process, thread, 0, 0, 0, 0]) }.is_ok()
}

/// Runs `body(argument)` on a new thread, which blocks every signal. The kernel stores the id of
/// the thread in `id`.
///
/// # Errors
/// `EBUSY`: the thread that `id` stood for has not ended. `EAGAIN`, `ENOMEM`, `EPERM`: the kernel
/// makes no thread. `EPERM` also where a thread [could not end](can_end).
pub fn spawn<T: Sync>(
    stack: &mut ThreadStack,
    id: &'static ThreadId,
    body: extern "C" fn(&'static T),
    argument: &'static T,
) -> Result<()> {
    if id.get().is_some() {
        return Err(Errno::BUSY);
    }
    if !can_end() {
        return Err(Errno::PERM);
    }
    let base = stack.base(MEMORY)?;
    // SAFETY: the mapping has MEMORY bytes, and no thread uses it.
    let (stack, tls) = unsafe { prepare(base, body as usize, ptr::from_ref(argument) as usize) };
    let word = id.0.as_ptr() as usize;
    let made = with_signals_blocked(|| {
        // SAFETY: FLAGS share the address space; stack and TLS are the new thread's alone, and
        // `id` is static, so that the kernel may clear it at any time.
        unsafe { clone_thread(FLAGS, stack, word, word, tls) }
    })?;
    if made < 0 { Err(Errno::from_raw_os_error(-made as i32)) } else { Ok(()) }
}

/// Puts the body and its argument on top of the stack, where the new thread pops them, and prepares
/// its storage. Answers the address of the stack's top, and the thread pointer.
///
/// # Safety
/// `memory` must be writable for MEMORY bytes and aligned to 16.
unsafe fn prepare(memory: ptr::NonNull<u8>, body: usize, argument: usize) -> (usize, usize) {
    // SAFETY: the stack, then the pages around the thread pointer, make up the memory.
    unsafe {
        let tls = machine::thread_pointer(memory.as_ptr().add(STACK + TLS_BELOW).cast());
        let top = memory.as_ptr().add(STACK).cast::<usize>();
        top.sub(1).write(argument);
        top.sub(2).write(body);
        (top.sub(2) as usize, tls)
    }
}

/// Runs `body` with every signal blocked. A thread that it makes inherits the mask, and so never
/// runs a handler of the program.
fn with_signals_blocked<T>(body: impl FnOnce() -> T) -> Result<T> {
    let mask = signals::hold_all()?;
    let result = body();
    mask.let_in();
    Ok(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stack_holds_the_body_and_the_thread_pointer_points_into_the_memory() {
        let mut memory = vec![0u128; MEMORY / 16];
        let base = ptr::NonNull::from(&mut memory[..]).cast::<u8>();
        // SAFETY: MEMORY bytes, aligned to 16.
        let (stack, tls) = unsafe { prepare(base, 11, 22) };
        let word = |address: usize| {
            let at = address - base.addr().get();
            (memory[at / 16] >> (at % 16 * 8)) as usize
        };
        assert_eq!([word(stack), word(stack + 8)], [11, 22]);
        assert_eq!(tls, base.addr().get() + STACK + TLS_BELOW);
        if cfg!(target_arch = "x86_64") {
            assert_eq!([word(tls), word(tls + 16)], [tls; 2]);
        }
        // The ABI requires this before a call, when both are popped.
        assert_eq!(stack % 16, 0);
    }
}

//! The drainer's thread, made by the kernel's `clone` and unknown to libc.
//!
//! `pthread_create` allocates, takes libc's locks and so cannot be called from
//! a hook, which may run in a signal handler that interrupted `malloc`. And a
//! thread that libc knows of has effects on the program: `malloc` and stdio stop
//! taking their single-thread fast paths, and the main thread's `pthread_exit`
//! no longer ends the process. A bare kernel thread has none of these.
//!
//! What it costs: the thread has no usable thread-local storage, so nothing that
//! runs on it may touch libc or `std` beyond `core`. Its `fs` register points to
//! zeroed pages of its own, so that even a stray access (`errno`, a stack protector's
//! canary) cannot reach the creator's. And libc's `setuid` does not carry over
//! to it: the drain has to follow a change of credentials itself.
//!
//! Context: [`spawn`] is async-signal-safe.

use super::raw::{nr, syscall6};
use super::signals;
use super::thread_stack::ThreadStack;
use core::arch::naked_asm;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};
use rustix::io::{Errno, Result};
use rustix::process::{Pid, getpid};

const STACK: usize = 128 * 1024;
/// libc's variables lie below the thread pointer, its control block above.
const TLS_BELOW: usize = 4096;
const TLS_ABOVE: usize = 4096;
const ROOM: usize = STACK + TLS_BELOW + TLS_ABOVE;

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

/// The id of a thread, cleared by the kernel when it has gone for good: only
/// then is its stack free for another.
#[repr(transparent)]
pub struct ThreadId(AtomicU32);

impl ThreadId {
    /// No thread.
    pub const fn none() -> Self {
        Self(AtomicU32::new(0))
    }

    /// The thread's id, unless it has gone (or never was).
    pub fn get(&self) -> Option<Pid> {
        Pid::from_raw(self.0.load(Ordering::Acquire) as i32)
    }

    /// In a fork child: the thread did not come along.
    pub fn forget(&self) {
        self.0.store(0, Ordering::Release);
    }
}

/// Whether the kernel still counts this thread of our process.
pub fn is_known(thread: Pid) -> bool {
    let (process, thread) = (getpid().as_raw_nonzero().get() as usize, thread.as_raw_nonzero().get() as usize);
    // SAFETY: tgkill with integer arguments; signal 0 only asks.
    unsafe { syscall6(nr::TGKILL, [process, thread, 0, 0, 0, 0]) }.is_ok()
}

/// Starts `body(argument)` on a thread of its own that blocks every signal.
///
/// `id` must be [`ThreadId::none`] or that of a thread that has gone.
///
/// # Errors
/// `EBUSY`: the former thread is still there. `EAGAIN`, `ENOMEM`, `EPERM`: no
/// thread to be had.
pub fn spawn<T: Sync>(
    stack: &mut ThreadStack,
    id: &'static ThreadId,
    body: extern "C" fn(&'static T),
    argument: &'static T,
) -> Result<()> {
    if id.get().is_some() {
        return Err(Errno::BUSY);
    }
    let base = stack.base(ROOM)?;
    // SAFETY: the mapping has ROOM bytes, and no thread uses it any more.
    let (stack, tls) = unsafe { furnish(base, body as usize, ptr::from_ref(argument) as usize) };
    let word = id.0.as_ptr() as usize;
    let made = with_signals_blocked(|| {
        // SAFETY: FLAGS share the address space; stack and TLS are the new
        // thread's alone, and `id` is static, so the kernel may clear it any time.
        unsafe { clone_thread(FLAGS, stack, word, word, tls) }
    })?;
    if made < 0 { Err(Errno::from_raw_os_error(-made as i32)) } else { Ok(()) }
}

/// Lays the body and its argument on top of the stack, where the new thread pops
/// them, and makes the thread pointer point to itself, as the x86_64 ABI wants it.
/// Answers both addresses.
///
/// # Safety
/// `room` is good for writes of ROOM bytes and aligned to 16.
unsafe fn furnish(room: ptr::NonNull<u8>, body: usize, argument: usize) -> (usize, usize) {
    // SAFETY: the stack, then the pages around the thread pointer, make up the room.
    unsafe {
        let tls = room.as_ptr().add(STACK + TLS_BELOW).cast::<usize>();
        tls.write(tls as usize);
        tls.add(2).write(tls as usize);
        let top = room.as_ptr().add(STACK).cast::<usize>();
        top.sub(1).write(argument);
        top.sub(2).write(body);
        (top.sub(2) as usize, tls as usize)
    }
}

/// Runs `body` with every signal blocked, so that a thread made in it inherits
/// the full mask and never runs a handler of the program's.
fn with_signals_blocked<T>(body: impl FnOnce() -> T) -> Result<T> {
    let mask = signals::hold_all()?;
    let result = body();
    mask.let_in();
    Ok(result)
}

thread_local! {
    static HERE: u8 = const { 0 };
}

/// A number of the calling thread, and no other's that lives; not 0. No system call.
pub fn number() -> u32 {
    const PAGE_BITS: u32 = 12;
    // Every thread has its own pages.
    (HERE.with(|here| core::ptr::from_ref(here).addr() >> PAGE_BITS) as u32).clamp(1, u32::MAX - 1)
}

/// From now on no signal reaches the calling thread, libc's own included.
pub fn block_signals() {
    let _ = signals::hold();
}

/// `clone(2)`; the child pops its body and argument from the stack, calls and exits.
///
/// # Safety
/// `stack` holds the body at its top and is mapped; the tid words are static.
#[unsafe(naked)]
unsafe extern "C" fn clone_thread(flags: usize, stack: usize, ptid: usize, ctid: usize, tls: usize) -> isize {
    naked_asm!(
        "mov r10, rcx",
        "mov eax, 56", // SYS_clone
        "syscall",
        "test rax, rax",
        "jz 2f",
        "ret",
        "2:",
        "xor ebp, ebp",
        "pop rax",
        "pop rdi",
        "call rax",
        "xor edi, edi",
        "mov eax, 60", // SYS_exit: this thread only
        "syscall",
        "ud2",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_thread_finds_its_body_on_the_stack_and_itself_behind_the_thread_pointer() {
        let mut room = vec![0u128; ROOM / 16];
        let base = ptr::NonNull::from(&mut room[..]).cast::<u8>();
        // SAFETY: ROOM bytes, aligned to 16.
        let (stack, tls) = unsafe { furnish(base, 11, 22) };
        let word = |address: usize| {
            let at = address - base.addr().get();
            (room[at / 16] >> (at % 16 * 8)) as usize
        };
        assert_eq!([word(stack), word(stack + 8)], [11, 22]);
        assert_eq!([word(tls), word(tls + 16)], [tls; 2]);
        // As the ABI wants it before a call, when both are popped.
        assert_eq!(stack % 16, 0);
    }
}

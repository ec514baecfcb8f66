//! What only the injector can tell about or do to the program.

use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};
use libc::{FILE, c_char, c_int};
use softclose_core::common::Host;

/// For the engine.
pub const HOST: Host = Host { is_single_threaded, flush_streams, ignore_sigpipe };

/// `__libc_single_threaded` (glibc 2.32), and `_IO_list_all`.
static SINGLE: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static STREAMS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Called by the constructor.
pub fn resolve() {
    // SAFETY: constant, terminated names.
    unsafe {
        SINGLE.store(libc::dlsym(libc::RTLD_DEFAULT, c"__libc_single_threaded".as_ptr()), Ordering::Release);
        STREAMS.store(libc::dlsym(libc::RTLD_DEFAULT, c"_IO_list_all".as_ptr()), Ordering::Release);
    }
}

fn is_single_threaded() -> bool {
    let at = SINGLE.load(Ordering::Acquire).cast::<c_char>();
    // SAFETY: libc's variable, one byte, which libc itself reads without a lock.
    !at.is_null() && unsafe { at.read_volatile() } != 0
}

unsafe extern "C" {
    fn fflush_unlocked(stream: *mut FILE) -> c_int;
    fn __fpending(stream: *mut FILE) -> usize;
}

/// At `exit` libc writes out its streams last of all, after us: a stream over a
/// socket that we half-close would lose its buffer. So they are written out
/// before. Without locks, as libc does it there: the other threads have been
/// stopped, and may have stopped inside one.
fn flush_streams() {
    let head = STREAMS.load(Ordering::Acquire).cast::<*mut FILE>();
    // SAFETY: `_IO_list_all` is the head of libc's list of streams.
    let mut stream = if head.is_null() { ptr::null_mut() } else { unsafe { *head } };
    while !stream.is_null() {
        // SAFETY: a stream of libc's list; `_chain` is part of its ABI
        // (`bits/types/struct_FILE.h`).
        unsafe {
            flush(stream);
            stream = *stream.byte_add(CHAIN).cast::<*mut FILE>();
        }
    }
}

/// Offset of `_chain` in `struct _IO_FILE` on 64-bit platforms.
const CHAIN: usize = 104;

/// # Safety
/// `stream` is a stream of libc's, and no other thread runs.
unsafe fn flush(stream: *mut FILE) {
    // SAFETY: the caller's.
    unsafe {
        if __fpending(stream) != 0 {
            fflush_unlocked(stream);
        }
    }
}

/// What runs after us may still write to a socket that is half-closed by now; a
/// `SIGPIPE` must not change the exit status.
fn ignore_sigpipe() {
    // SAFETY: sigaction with valid pointers; SIG_IGN is no handler of ours.
    unsafe {
        let mut action: libc::sigaction = core::mem::zeroed();
        libc::sigaction(libc::SIGPIPE, ptr::null(), &raw mut action);
        if action.sa_sigaction == libc::SIG_DFL {
            action.sa_sigaction = libc::SIG_IGN;
            libc::sigaction(libc::SIGPIPE, &raw const action, ptr::null_mut());
        }
    }
}

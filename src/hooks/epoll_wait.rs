//! `epoll_wait(2)`, `epoll_pwait(2)` and `epoll_pwait2(2)` wait for the events of an epoll set.
//! Before the call, the set is noted as waited for: a thread that sleeps in it goes on using a
//! set that another thread closes.
//!
//! No guard is held, as the program may be cancelled in the call.

use crate::sys::guard::engine;
use crate::sys::real;
use core::ffi::{c_int, c_void};
use libc::{epoll_event, timespec};
use softclose_core::sys::Fd;

/// The size of the kernel's `sigset_t`. The system call takes it as one argument more; libc's
/// functions ignore it.
const SIZE: usize = 8;

/// `epoll_wait(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_wait(set: c_int, events: *mut epoll_event, most: c_int, ms: c_int) -> c_int {
    waits(set);
    // SAFETY: the program's own call; nothing to drop.
    unsafe { real::epoll_wait(set, events, most, ms) }
}

/// `epoll_pwait(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_pwait(
    set: c_int,
    events: *mut epoll_event,
    most: c_int,
    ms: c_int,
    mask: *const c_void,
) -> c_int {
    waits(set);
    // SAFETY: the program's own call; nothing to drop.
    unsafe { real::epoll_pwait(set, events, most, ms, mask, SIZE) }
}

/// `epoll_pwait2(2)`, which exists since glibc 2.35.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn epoll_pwait2(
    set: c_int,
    events: *mut epoll_event,
    most: c_int,
    time: *const timespec,
    mask: *const c_void,
) -> c_int {
    waits(set);
    // SAFETY: the program's own call; nothing to drop.
    unsafe { real::epoll_pwait2(set, events, most, time, mask, SIZE) }
}

fn waits(set: c_int) {
    if let (Some(engine), Some(set)) = (engine(), Fd::new(set)) {
        engine.ledger.waits(set);
    }
}

//! `epoll_wait(2)`, `epoll_pwait(2)`, `epoll_pwait2(2)`: which thread waits for a set. Whoever
//! sleeps there goes on using a set that is closed meanwhile.
//!
//! No guard is held: an event loop calls for each turn, and may be cancelled here.

use crate::sys::guard::engine;
use crate::sys::real;
use core::ffi::{c_int, c_void};
use libc::{epoll_event, timespec};
use softclose_core::sys::Fd;

/// That of the kernel's `sigset_t`. libc's functions do not take it, and do not mind it.
const SIZE: usize = 8;

#[unsafe(no_mangle)]
/// `epoll_wait(2)`.
pub unsafe extern "C-unwind" fn epoll_wait(set: c_int, events: *mut epoll_event, most: c_int, ms: c_int) -> c_int {
    waits(set);
    // SAFETY: the program's own call; nothing to drop.
    unsafe { real::epoll_wait(set, events, most, ms) }
}

#[unsafe(no_mangle)]
/// `epoll_pwait(2)`.
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

#[unsafe(no_mangle)]
/// `epoll_pwait2(2)`, which exists since glibc 2.35.
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

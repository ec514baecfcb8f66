//! The descriptor numbers in a `posix_spawn_file_actions_t`.
//!
//! Its head is in `<spawn.h>`. What an action looks like is libc's own matter.
//!
//! - glibc has a list of four words of eight bytes for each, among which are the numbers. So every half of a
//!   word that could be a number is taken for one.
//! - musl has a chain of structures (`fdop.h`).
//!
//! A connection that is named wrongly only loses its drain.

use super::libc_kind::is_musl;
use libc::{c_int, posix_spawn_file_actions_t};
use softclose_core::sys::Fd;

/// In musl the first two numbers mean nothing.
#[repr(C)]
struct Head {
    _allocated: c_int,
    used: c_int,
    actions: *const c_int,
}

/// Calls `visit` for each number that the actions may name.
///
/// # Safety
/// `actions` is null, or an object that `posix_spawn` may be given.
pub unsafe fn each(actions: *const posix_spawn_file_actions_t, visit: impl FnMut(Fd)) {
    // SAFETY: the caller's; the head is as in `<spawn.h>`.
    let Some(head) = (unsafe { actions.cast::<Head>().as_ref() }) else { return };
    if head.actions.is_null() {
        return;
    }
    // SAFETY: as libc has written it.
    unsafe {
        if is_musl() {
            each_of_chain(head.actions.cast(), visit);
        } else {
            each_of_list(head.actions, usize::try_from(head.used).unwrap_or(0), visit);
        }
    }
}

/// An action of musl's.
#[repr(C)]
struct Action {
    next: *const Action,
    _previous: *const Action,
    _command: c_int,
    numbers: [c_int; 2],
}

/// # Safety
/// `first` is the first action.
unsafe fn each_of_chain(first: *const Action, visit: impl FnMut(Fd)) {
    // SAFETY: the caller's. A second number need not have been written: a volatile read takes what is there.
    let numbers = |at: *const Action| unsafe { (&raw const (*at).numbers).read_volatile() };
    // SAFETY: the caller's: each leads to the next, the last one to null.
    let next = |at: *const Action| unsafe { (*at).next };
    let all = core::iter::successors(Some(first), |&at| Some(next(at)).filter(|at| !at.is_null()));
    all.flat_map(numbers).filter_map(Fd::new).for_each(visit);
}

/// Halves of words in one action of glibc's: a tag, and at most two numbers, a path, flags and a mode.
const HALVES: usize = 8;
/// A half from here on is no number.
const HIGHEST: c_int = 1 << 20;

/// # Safety
/// So many actions are `used`.
unsafe fn each_of_list(actions: *const c_int, used: usize, mut visit: impl FnMut(Fd)) {
    for at in 0..used * HALVES {
        // SAFETY: the caller's. Not every byte need have been written: a volatile read takes what is there.
        let half = unsafe { actions.add(at).read_volatile() };
        if let Some(fd) = Fd::new(half).filter(|_| half < HIGHEST) {
            visit(fd);
        }
    }
}

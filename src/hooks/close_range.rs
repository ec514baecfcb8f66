//! `close_range(2)` and `closefrom(3)`: every connection in the range is closed for
//! itself, then the range, around the numbers that the program does not know.

use super::close::{Door, close_by};
use super::unshare;
use crate::sys::errno::{self, call};
use crate::sys::guard::Guard;
use crate::sys::real;
use libc::{CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE, ENOSYS, c_int, c_uint};
use softclose_core::sys::raw::nr;

#[unsafe(no_mangle)]
/// `close_range(2)`.
pub unsafe extern "C-unwind" fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    close_range_by(first, last, flags, |first, last| unsafe { real::close_range(first, last, flags) })
}

#[unsafe(no_mangle)]
/// `closefrom(3)`.
pub unsafe extern "C-unwind" fn closefrom(lowest: c_int) {
    let first = lowest.max(0) as c_uint;
    close_connections(first, c_uint::MAX);
    around_private(first, c_uint::MAX, |first, last| {
        if last == c_uint::MAX {
            // SAFETY: the program's own call, perhaps a little further on.
            unsafe { real::closefrom(first as c_int) };
        } else {
            close_each(first, last);
        }
        0
    });
}

/// `close_range` by `own_call`.
pub fn close_range_by(
    first: c_uint,
    last: c_uint,
    flags: c_int,
    own_call: impl FnMut(c_uint, c_uint) -> c_int,
) -> c_int {
    let mut own_call = own_call;
    let is_understood = flags as c_uint & !(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE) == 0;
    if first > last || !is_understood {
        return own_call(first, last);
    }
    let has_own_table = flags as c_uint & CLOSE_RANGE_UNSHARE != 0 && unshare::prepare_files();
    if flags as c_uint & CLOSE_RANGE_CLOEXEC != 0 || has_own_table {
        return own_call(first, last);
    }
    close_connections(first, last);
    around_private(first, last, own_call)
}

/// A connection is closed as if by `close`. Natively the numbers of a range are
/// closed one after the other, too, and another thread may come between.
fn close_connections(first: c_uint, last: c_uint) {
    let Some(guard) = Guard::enter() else { return };
    let Some(owner) = guard.owner() else { return };
    guard.engine().each_connection(owner, first..=last, |fd| {
        // SAFETY: the program closes this number.
        unsafe { close_by(fd.raw(), Door { own_call: close_by_instruction, is_cancellation_point: false }) };
    });
}

/// # Safety
/// As `close`.
unsafe fn close_by_instruction(fd: c_int) -> c_int {
    // SAFETY: the caller's.
    unsafe { call(nr::CLOSE, [fd as usize, 0, 0, 0, 0, 0]) }
}

/// Calls `own_call` for each part of the range that has no private number in it.
fn around_private(first: c_uint, last: c_uint, mut own_call: impl FnMut(c_uint, c_uint) -> c_int) -> c_int {
    let mut from = first;
    while let Some(private) = next_private(from).filter(|&private| private <= last) {
        if private > from && own_call(from, private - 1) != 0 {
            return -1;
        }
        from = private + 1;
    }
    if from <= last { own_call(from, last) } else { 0 }
}

fn next_private(from: c_uint) -> Option<c_uint> {
    let guard = Guard::enter()?;
    guard.owner()?;
    guard.engine().drain.next_private(from)
}

/// `closefrom` must work where the kernel has no `close_range` (before 5.9).
fn close_each(first: c_uint, last: c_uint) {
    // SAFETY: the program closes these numbers.
    let done = unsafe { real::close_range(first, last, 0) };
    if done != 0 && errno::get() == ENOSYS {
        for fd in first..=last {
            // SAFETY: as above.
            unsafe { close_by_instruction(fd as c_int) };
        }
    }
}

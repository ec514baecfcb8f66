//! `close_range(2)` and `closefrom(3)` close a range of numbers. The hook closes it piece by
//! piece: each connection separately, as `close` would, and without the numbers of softclose's
//! own descriptors. No number is closed twice, as another thread may have it by then.

use super::close::{RAW_CLOSE, give_up_with};
use super::unshare;
use crate::sys::ending;
use crate::sys::errno;
use crate::sys::guard::{Guard, dismiss};
use crate::sys::real;
use libc::{CLONE_FILES, CLOSE_RANGE_CLOEXEC, CLOSE_RANGE_UNSHARE, ENOSYS, c_int, c_uint};
use softclose_core::drain::lingering::Lingering;
use softclose_core::engine::ranges::Obstacle;

/// `close_range(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    close_range_with(first, last, flags, |first, last, flags| unsafe { real::close_range(first, last, flags) })
}

/// `closefrom(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn closefrom(lowest: c_int) {
    piece_by_piece(lowest.max(0) as c_uint, c_uint::MAX, |first, last| {
        if last == c_uint::MAX {
            // SAFETY: the program's own call, perhaps from a higher number on.
            unsafe { real::closefrom(first as c_int) };
        } else {
            close_each(first, last);
        }
        0
    });
}

/// `close_range`, where `own_call` is libc's function or the system call.
pub fn close_range_with(
    first: c_uint,
    last: c_uint,
    flags: c_int,
    mut own_call: impl FnMut(c_uint, c_uint, c_int) -> c_int,
) -> c_int {
    let is_understood = flags as c_uint & !(CLOSE_RANGE_CLOEXEC | CLOSE_RANGE_UNSHARE) == 0;
    if first > last || !is_understood {
        return own_call(first, last, flags);
    }
    if flags as c_uint & CLOSE_RANGE_UNSHARE != 0 && !shares_with_us_alone() {
        let _dismissed = dismiss();
        unshare::prepare(CLONE_FILES);
        return own_call(first, last, flags);
    }
    if flags as c_uint & CLOSE_RANGE_CLOEXEC != 0 {
        return own_call(first, last, CLOSE_RANGE_CLOEXEC as c_int);
    }
    piece_by_piece(first, last, |first, last| own_call(first, last, 0))
}

/// Whether only the drain's thread shares this descriptor table. Then there would natively be
/// nothing to unshare.
fn shares_with_us_alone() -> bool {
    let Some(guard) = Guard::enter() else { return false };
    let is_alone = guard.engine().context.is_single_threaded();
    guard.owner().is_some_and(|owner| is_alone && !owner.is_blind())
}

/// Closes the range: each part between two stops by `own_call`, and each connection for itself.
fn piece_by_piece(first: c_uint, last: c_uint, own_call: impl FnMut(c_uint, c_uint) -> c_int) -> c_int {
    let mut waits = Waits::default();
    let result = each_piece(first, last, own_call, &mut waits);
    // Natively all numbers are free before anything waits (`task_work_run`).
    for lingering in waits.0 {
        // SAFETY: it is no cancellation point.
        unsafe { ending::wait_for(lingering, false) };
    }
    result
}

/// The connections of a range for whose close the program has asked to wait (`SO_LINGER`), as
/// far as there is room.
#[derive(Default)]
struct Waits([Option<Lingering>; 8]);

impl Waits {
    fn add(&mut self, lingering: Lingering) {
        match self.0.iter_mut().find(|place| place.is_none()) {
            Some(place) => *place = Some(lingering),
            None => ending::end(lingering),
        }
    }
}

fn each_piece(
    first: c_uint,
    last: c_uint,
    mut own_call: impl FnMut(c_uint, c_uint) -> c_int,
    waits: &mut Waits,
) -> c_int {
    let mut from = first;
    ending::around_range(first, last);
    while let Some(stop) = next_obstacle(from, last) {
        let at = stop.fd().raw() as c_uint;
        if at > from && own_call(from, at - 1) != 0 {
            return -1;
        }
        if let Obstacle::Connection(fd) = stop {
            // SAFETY: the program closes this number.
            let (_, lingering) = unsafe { give_up_with(fd.raw(), RAW_CLOSE) };
            lingering.into_iter().for_each(|lingering| waits.add(lingering));
        }
        from = at + 1;
    }
    let result = if from <= last { own_call(from, last) } else { 0 };
    ending::around_range(first, last);
    result
}

fn next_obstacle(first: c_uint, last: c_uint) -> Option<Obstacle> {
    let guard = Guard::enter()?;
    let owner = guard.owner()?;
    guard.engine().next_obstacle(owner, first, last)
}

/// Closes a range also where the kernel has no `close_range` (before 5.9), as `closefrom` does.
fn close_each(first: c_uint, last: c_uint) {
    // SAFETY: the program closes these numbers.
    let done = unsafe { real::close_range(first, last, 0) };
    if done != 0 && errno::get() == ENOSYS {
        for fd in first..=last {
            // SAFETY: as above.
            unsafe { (RAW_CLOSE.own_call)(fd as c_int) };
        }
    }
}

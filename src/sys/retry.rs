//! Calls that are made again where they have failed for something that softclose has.
//!
//! A process has a limit of descriptors, and one of threads and processes. What softclose takes
//! of them must not be missing: where the program's call fails for such a limit, softclose gives
//! something up, and the call is made again.
//!
//! The calls and their results are `Copy`, so that these frames have nothing to drop: a cancellation may unwind
//! through them.

use super::errno;
use super::guard::Guard;
use libc::c_int;
use softclose_core::holders::ledger::Owner;
use softclose_core::sys::clock;

/// Makes a call that yields a descriptor. Where the process has run out of numbers, and drains
/// have some, the call is made again after they have given some up. `own_call` may unwind.
pub fn with_free_number(own_call: impl Fn() -> c_int + Copy) -> c_int {
    with_free_number_where(own_call, |&result| result < 0 && is_out_of_numbers())
}

/// As [`with_free_number`]; `is_out` says whether the call has failed because the process has run
/// out of numbers.
pub fn with_free_number_where<T: Copy>(own_call: impl Fn() -> T + Copy, is_out: impl Fn(&T) -> bool + Copy) -> T {
    // Each time half of what is held, and at last the drain's own set.
    const TURNS: u32 = 20;
    let mut result = own_call();
    for _ in 0..TURNS {
        if !(is_out(&result) && gave_up_numbers()) {
            break;
        }
        result = own_call();
    }
    result
}

/// Whether the last call has failed because the process has as many descriptors as it may.
pub fn is_out_of_numbers() -> bool {
    errno::get() == libc::EMFILE
}

/// Makes a call that yields a thread or a process. Where `is_refused` says that there may be no
/// further one, softclose ends its own, and the call is made again. `own_call` may unwind.
pub fn with_free_process<T: Copy>(own_call: impl Fn() -> T + Copy, is_refused: impl Fn(&T) -> bool + Copy) -> T {
    let mut result = own_call();
    if is_refused(&result) && gave_up_thread() {
        result = own_call();
    }
    if is_refused(&result) && gave_up_finishers() {
        // A finisher that has ended counts until its parent has reaped it.
        const TURNS: u32 = 8;
        for _ in 0..TURNS {
            clock::rest_us(250);
            result = own_call();
            if !is_refused(&result) {
                break;
            }
        }
    }
    result
}

/// Whether a call has answered -1 with `EAGAIN`.
pub fn is_refused(result: &c_int) -> bool {
    *result < 0 && errno::get() == libc::EAGAIN
}

fn gave_up_thread() -> bool {
    let Some(guard) = Guard::enter() else { return false };
    let had_one = guard.owner().is_some() && guard.engine().drain.has_thread();
    if had_one {
        drop(guard.engine().drain.dismiss());
    }
    had_one
}

fn gave_up_finishers() -> bool {
    Guard::enter().is_some_and(|guard| guard.owner().is_some_and(Owner::end_finishers))
}

#[cold]
#[inline(never)]
fn gave_up_numbers() -> bool {
    Guard::enter().is_some_and(|guard| guard.owner().is_some() && guard.engine().drain.relieve())
}

//! `errno`, as the program sees it.

use super::real::{Libraries, Name};
use core::sync::atomic::{AtomicUsize, Ordering};
use libc::c_int;
use softclose_core::sys::raw::syscall6;
use softclose_core::sys::thread;

/// How far `errno` is from the thread pointer: as far in each thread, as libc is loaded at the start of
/// the program. 0 until it is known.
static DISTANCE: AtomicUsize = AtomicUsize::new(0);

/// Finds out where `errno` is, so that hooks need not ask libc: unless the program, or another library, has
/// a function of its own for it. Called by the constructor.
pub fn resolve(libraries: &Libraries) {
    const NAME: Name = Name::new(c"__errno_location");
    let function: unsafe extern "C" fn() -> *mut c_int = libc::__errno_location;
    if libraries.are_all_known() && libraries.find(NAME).addr() == function as usize {
        // SAFETY: no preconditions.
        let here = unsafe { function() };
        DISTANCE.store(here.addr().wrapping_sub(thread::pointer()), Ordering::Relaxed);
    }
}

fn location() -> *mut c_int {
    match DISTANCE.load(Ordering::Relaxed) {
        // SAFETY: no preconditions.
        0 => unsafe { libc::__errno_location() },
        distance => thread::pointer().wrapping_add(distance) as *mut c_int,
    }
}

/// The calling thread's `errno`.
pub fn get() -> c_int {
    // SAFETY: libc's variable of the calling thread.
    unsafe { *location() }
}

/// Sets the calling thread's `errno`.
pub fn set(value: c_int) {
    // SAFETY: as above.
    unsafe { *location() = value }
}

/// Sets `errno`, and answers -1.
pub fn fail(value: c_int) -> c_int {
    set(value);
    -1
}

/// Makes a system call, and answers as libc does: -1 with `errno` where it fails.
///
/// # Safety
/// As [`syscall6`].
pub unsafe fn call<const N: usize>(nr: usize, args: [usize; N]) -> c_int {
    let mut all = [0; 6];
    all.iter_mut().zip(args).for_each(|(place, argument)| *place = argument);
    // SAFETY: the caller's.
    match unsafe { syscall6(nr, all) } {
        Ok(value) => value as c_int,
        Err(error) => fail(error.raw_os_error()),
    }
}

//! `io_uring_setup(2)`, `io_uring_enter(2)` and `io_uring_register(2)` through `syscall(2)`, as libc
//! has no functions for them. The hooks follow which ring there is, and what is submitted to it.
//! libuv makes a ring for its epoll sets like this; liburing makes raw system calls, which no hook
//! sees. No guard is held during a call that may wait.

use crate::sys::errno;
use crate::sys::guard::{Guard, with_owner};
use crate::sys::retry::with_free_number;
use core::ffi::{c_int, c_uint};
use softclose_core::holders::ledger::rings::Submission;
use softclose_core::sys::raw::nr;
use softclose_core::sys::ring_memory::Parameters;
use softclose_core::sys::{Fd, probe};

/// `io_uring_setup`: makes a ring, and notes it where the call has succeeded. Containers forbid
/// the call as a rule. No thread can submit anything to the ring before its number is known.
///
/// # Safety
/// As `io_uring_setup`.
pub unsafe fn setup(entries: c_uint, parameters: *mut Parameters) -> c_int {
    let arguments = [entries as usize, parameters as usize, 0, 0, 0, 0];
    with_owner(|owner| owner.making_ring());
    // SAFETY: the program's own call.
    let result = with_free_number(|| unsafe { errno::call(nr::IO_URING_SETUP, arguments) });
    with_owner(|owner| match Fd::new(result) {
        // SAFETY: any bytes are such parameters.
        Some(fd) => owner.made_ring(fd, unsafe { probe::read(parameters) }),
        None => owner.not_made_ring(),
    });
    result
}

/// `io_uring_enter`: notes what is submitted before the call, and that it is submitted after it.
///
/// # Safety
/// As `io_uring_enter`.
pub unsafe fn enter(
    ring: c_int,
    submit: c_uint,
    complete: c_uint,
    flags: c_uint,
    argument: usize,
    size: usize,
) -> c_int {
    let submission = if submit == 0 { None } else { submitting(ring, submit, flags) };
    let arguments = [ring as usize, submit as usize, complete as usize, flags as usize, argument, size];
    // SAFETY: the program's own call.
    let result = unsafe { errno::call(nr::IO_URING_ENTER, arguments) };
    if let Some(submission) = submission {
        with_owner(|owner| owner.submitted(submission));
    }
    result
}

fn submitting(ring: c_int, submit: c_uint, flags: c_uint) -> Option<Submission<'static>> {
    let guard = Guard::enter()?;
    let owner = guard.engine().ledger.owner()?;
    owner.submitting(ring, submit, flags)
}

/// `IORING_REGISTER_PROBE`: which requests there are.
const PROBE: c_uint = 8;

/// `io_uring_register`: what is registered may be a connection, or a way to submit requests that
/// no hook follows. So the process counts as blind, unless the call fails.
///
/// # Safety
/// As `io_uring_register`.
pub unsafe fn register(ring: c_int, operation: c_uint, argument: usize, count: c_uint) -> c_int {
    let arguments = [ring as usize, operation as usize, argument, count as usize, 0, 0];
    // SAFETY: the program's own call.
    let own_call = || unsafe { errno::call(nr::IO_URING_REGISTER, arguments) };
    if operation == PROBE {
        return own_call();
    }
    // Each call is counted for itself, as another reason to be blind may end. A child may hand what
    // it has to its parent through a ring of the parent's.
    with_owner(|owner| owner.blinded());
    let result = own_call();
    if result < 0 {
        with_owner(|owner| owner.not_blinded());
    }
    result
}

//! `dup(2)`, `dup2(2)` and `dup3(2)` make one more number for an open file; `dup2` and `dup3` also
//! end what the new number was before. The hook counts the new number, and drains a connection
//! that the new number was the last reference to. Java ends its sockets by such a `dup2`.

use crate::sys::ending::{self, Ending};
use crate::sys::guard::{engine, let_signals_in, with_owner};
use crate::sys::retry::with_free_number;
use crate::sys::{errno, real};
use libc::{EBADF, O_CLOEXEC, c_int};
use softclose_core::holders::ledger::Stamp;
use softclose_core::sys::Fd;

/// `dup(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dup(old: c_int) -> c_int {
    if is_private(old) {
        return errno::fail(EBADF);
    }
    // SAFETY: the program's own call.
    duplicated(old, || unsafe { real::dup(old) })
}

/// `dup2(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dup2(old: c_int, new: c_int) -> c_int {
    // SAFETY: the program's own call.
    over(old, new, 0, || unsafe { real::dup2(old, new) })
}

/// `dup3(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn dup3(old: c_int, new: c_int, flags: c_int) -> c_int {
    // SAFETY: the program's own call.
    over(old, new, flags, || unsafe { real::dup3(old, new, flags) })
}

/// Makes the copy of `old` by `own_call`, and counts it.
pub fn duplicated(old: c_int, own_call: impl Fn() -> c_int + Copy) -> c_int {
    let since = engine().map(|engine| engine.ledger.stamp());
    let result = with_free_number(own_call);
    if let (Some(old), Some(new)) = (Fd::new(old), Fd::new(result))
        && old != new
    {
        copied(old, new, since);
    }
    result
}

/// Counts the copy, where this process is the owner of its memory. A child that runs on this
/// memory, or that no hook has seen, need not count one: it counts as a holder of all that is open
/// until it ends or executes a program.
fn copied(old: Fd, new: Fd, since: Option<Stamp>) {
    with_owner(|owner| since.into_iter().for_each(|since| owner.duplicated(old, new, since)));
}

/// Makes the copy of `old` over `new`, which may be the last reference to a connection.
pub fn over(old: c_int, new: c_int, flags: c_int, own_call: impl Fn() -> c_int + Copy) -> c_int {
    if is_private(old) {
        return errno::fail(EBADF);
    }
    match before(old, new, flags) {
        Ending::Held(held) => {
            let (result, lingering) = held.through(|| duplicated(old, own_call), |&result| result == new);
            // SAFETY: it is no cancellation point.
            unsafe { ending::wait_for(lingering, false) };
            result
        }
        Ending::Plain(signals) => {
            let result = duplicated(old, own_call);
            let_signals_in(signals);
            result
        }
        Ending::Private => duplicated(old, own_call),
    }
}

/// What the call ends. A call that will fail ends nothing.
fn before(old: c_int, new: c_int, flags: c_int) -> Ending {
    let succeeds = old != new && flags & !O_CLOEXEC == 0 && Fd::new(old).is_some_and(Fd::is_open);
    if succeeds { ending::before(new) } else { Ending::Plain(None) }
}

/// Whether `fd` is a number of softclose's own. To the program it must look as it does natively:
/// not open.
pub fn is_private(fd: c_int) -> bool {
    engine().zip(Fd::new(fd)).is_some_and(|(engine, fd)| engine.drain.owns(fd) && engine.ledger.owner().is_some())
}

//! `close(2)`: the everyday end of a socket.
//!
//! A cancellation point. What we leave alone is called without a guard, so that
//! a cancellation acts as it does natively; what we hold is closed first, and
//! the cancellation acts after it.

use crate::sys::guard::{Guard, act_on_cancellation};
use crate::sys::{errno, real};
use libc::c_int;
use softclose_core::engine::Prepared;
use softclose_core::sys::socket::TcpInfo;
use softclose_core::sys::{Fd, socket};

/// The program's own way to close, and what it is natively.
#[derive(Clone, Copy)]
pub struct Door {
    /// The program's own call.
    pub own_call: unsafe fn(c_int) -> c_int,
    /// Whether a cancellation may act in it.
    pub is_cancellation_point: bool,
}

#[unsafe(no_mangle)]
/// `close(2)`.
pub unsafe extern "C-unwind" fn close(fd: c_int) -> c_int {
    // SAFETY: the program's own call, with its own argument.
    unsafe { close_by(fd, Door { own_call: real::close, is_cancellation_point: true }) }
}

/// Closes `fd` through `door`, gracefully where that is ours to do.
///
/// # Safety
/// As `close`; may unwind where the door is a cancellation point.
pub unsafe fn close_by(fd: c_int, door: Door) -> c_int {
    match prepare(fd) {
        // SAFETY: the program's own call; no guard is held, nothing to drop.
        Closing::Plain => unsafe { (door.own_call)(fd) },
        Closing::Private => errno::fail(libc::EBADF),
        Closing::Held(guard, prepared) => {
            let result = finish(guard, prepared, || {
                // SAFETY: the program's own call; cancellation is disabled.
                unsafe { (door.own_call)(fd) }
            });
            if door.is_cancellation_point {
                // SAFETY: the guard is gone, nothing to drop.
                unsafe { act_on_cancellation() };
            }
            result
        }
    }
}

enum Closing {
    Plain,
    /// A number that the program does not know, and that natively is not open.
    Private,
    Held(Guard, Prepared),
}

fn prepare(raw: c_int) -> Closing {
    let Some((guard, fd)) = Guard::enter().zip(Fd::new(raw)) else { return Closing::Plain };
    match socket::tcp_info(fd) {
        Ok(info) => prepare_tcp(guard, fd, info),
        Err(_) => Closing::Plain,
    }
}

#[inline(never)]
fn prepare_tcp(guard: Guard, fd: Fd, info: TcpInfo) -> Closing {
    let Some(owner) = guard.owner() else { return Closing::Plain };
    if guard.engine().drain.owns(fd) {
        return Closing::Private;
    }
    match guard.engine().prepare(owner, fd, info) {
        Prepared::Plain => Closing::Plain,
        prepared => Closing::Held(guard, prepared),
    }
}

fn finish(guard: Guard, prepared: Prepared, own_call: impl FnOnce() -> c_int) -> c_int {
    let result = guard.own_call(own_call);
    if result == 0 {
        prepared.commit()
    } else {
        prepared.abandon()
    }
    result
}

//! Deferred shutdowns of receive sides are done when they are due.
//!
//! A deferred shutdown has no private descriptor. So for the length of one call the drainer
//! duplicates the number by which the program has asked for it, and compares the cookie: the program
//! may close the number at any time, and open something else there.
//!
//! Context: the drainer, and a hook that has found no drainer; async-signal-safe and lock-free.

use super::Drain;
use super::demands::deferred_shutdowns::{DeferredShutdown, MOST};
use crate::sys::clock::Millis;
use crate::sys::{Fd, socket};
use rustix::io::Errno;

/// Where no private number is to be had, the shutdown is tried again after so many milliseconds.
const RETRY_MS: u32 = 10;

/// Does the deferred shutdowns that are due, or `all` of them.
pub(super) fn apply(drain: &Drain, all: bool) {
    let now = Millis::now();
    let is_due = |shutdown: &DeferredShutdown, _| all || shutdown.is_due(now);
    for _ in 0..MOST {
        let Some((fd, cookie)) = drain.demands.deferred.take(is_due) else { return };
        let retry = || drain.demands.deferred.add(fd, cookie, now.plus(RETRY_MS));
        let is_over = shut_receive(drain, fd, cookie).is_ok() || !retry();
        if is_over {
            drain.drainer.gate.one_less();
            drain.drainer.ended.notify();
        }
    }
}

/// Shuts the receive side of the socket with this cookie: by the number `fd`, or by another one
/// that the ledger knows, where `fd` was closed and no hook saw it.
fn shut_receive(drain: &Drain, fd: Fd, cookie: u64) -> Result<(), Errno> {
    if shut_receive_by(drain, fd, cookie)? {
        return Ok(());
    }
    drain.ledger.number_of(cookie).map_or(Ok(()), |other| shut_receive_by(drain, other, cookie).map(drop))
}

/// False where `fd` is not the socket with this cookie.
fn shut_receive_by(drain: &Drain, fd: Fd, cookie: u64) -> Result<bool, Errno> {
    let copy = match short_lived_copy(drain, fd) {
        Err(Errno::BADF) => return Ok(false),
        copy => copy?,
    };
    let is_it = socket::cookie(copy) == Some(cookie);
    if is_it {
        let _ = socket::shut_receive(copy);
    }
    copy.close();
    // A search for epoll sets may have noted what the number was.
    drain.ledger.ended(copy);
    Ok(is_it)
}

/// Duplicates `fd` behind the numbers of all places. The limit may have been lowered since the
/// private numbers were planned: then they are planned anew.
fn short_lived_copy(drain: &Drain, fd: Fd) -> Result<Fd, Errno> {
    let number = || drain.numbers.number_of(drain.numbers.room() as usize);
    fd.duplicate_from(number()).or_else(|error| {
        drain.measure_numbers();
        if error == Errno::BADF { Err(error) } else { fd.duplicate_from(number()) }
    })
}

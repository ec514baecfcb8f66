//! The end of one descriptor number, whichever call brings it: `close`, `fclose`,
//! a `dup2` over it, a range that it lies in.
//!
//! The shape is always the same: [`before`], then the program's own call, by
//! [`Held::through`] where there is something to hold.

use super::guard::{Guard, act_on_cancellation, engine, with_guard, with_owner};
use libc::c_int;
use softclose_core::Errno;
use softclose_core::decision::Reason;
use softclose_core::drain::lingering::Lingering;
use softclose_core::engine::Prepared;
use softclose_core::sys::signals::Mask;
use softclose_core::sys::socket::TcpInfo;
use softclose_core::sys::{Fd, socket};

/// What a call that gives up a number has to mind.
pub enum Ending {
    /// Nothing. Signals may have been held back, as a handler that does not come back
    /// natively finds a connection open or closed: what was held back is due after a call
    /// that does not wait, or before any other.
    Plain(Option<Mask>),
    /// A number that the program does not know, and that natively is not open.
    Private,
    /// The last reference to a connection.
    Held(Held),
}

/// A connection that is to be drained once the program's own call has given it up.
#[must_use = "make the program's own call through it"]
pub struct Held {
    guard: Guard,
    fd: Fd,
    prepared: Prepared,
}

/// Before a call that gives up number `raw`.
pub fn before(raw: c_int) -> Ending {
    let Some(guard) = Guard::enter() else { return Ending::Plain(None) };
    let Some(fd) = Fd::new(raw) else {
        guard.engine().context.counters.left_alone(Reason::NotOpen);
        return Ending::Plain(None);
    };
    match socket::tcp_info(fd) {
        Ok(info) => before_tcp(guard, fd, info),
        Err(_) if guard.engine().drain.is_own_set(fd) => private(&guard),
        Err(errno) => {
            if errno != Errno::BADF {
                guard.engine().ledger.ending(fd);
                if guard.engine().ledger.is_ring(fd) {
                    guard.owner().into_iter().for_each(|owner| owner.closing_ring(fd));
                }
            }
            guard.engine().context.counters.not_tcp(errno);
            Ending::Plain(None)
        }
    }
}

#[inline(never)]
fn before_tcp(guard: Guard, fd: Fd, info: TcpInfo) -> Ending {
    let Some(owner) = guard.owner() else { return Ending::Plain(None) };
    if guard.engine().drain.owns(fd) {
        return private(&guard);
    }
    guard.engine().ledger.ending(fd);
    let may_linger = guard.engine().may_linger(owner, fd);
    if !guard.engine().waits_in_place() {
        guard.hold_signals();
    }
    match guard.engine().prepare(owner, fd, info) {
        // A call that waits must not wait without them.
        Prepared::Plain if may_linger => Ending::Plain(None),
        Prepared::Plain => Ending::Plain(guard.take_signals()),
        prepared => Ending::Held(Held { guard, fd, prepared }),
    }
}

/// Waits for as long as the program has asked its call to wait; its number is given up. With
/// nothing held and nothing to drop: a handler may leave it by `siglongjmp`, and a
/// cancellation acts in it as natively.
///
/// # Safety
/// May unwind where the call `is_cancellation_point`; every frame up to the program's must
/// allow it.
pub unsafe fn wait_for(lingering: Option<Lingering>, is_cancellation_point: bool) {
    let Some(lingering) = lingering else { return };
    lingering.wait(|| {
        if is_cancellation_point {
            // SAFETY: the caller's; no guard is held.
            unsafe { act_on_cancellation() }
        }
    });
    end(lingering);
}

/// The drain takes over.
pub fn end(lingering: Lingering) {
    with_guard(|_, guard| {
        guard.hold_signals();
        lingering.end();
    });
}

fn private(guard: &Guard) -> Ending {
    guard.engine().context.counters.left_alone(Reason::NotOpen);
    Ending::Private
}

/// After a call that gave up number `raw`: what another thread has learnt of it in the
/// meantime may be of what it was before.
pub fn after(raw: c_int) {
    if let (Some(engine), Some(fd)) = (engine(), Fd::new(raw)) {
        engine.ledger.ended(fd);
    }
}

/// Before a call that gives up all numbers of a range, and once more after it, for the same
/// reason.
pub fn around_range(first: u32, last: u32) {
    if let Some(engine) = engine() {
        engine.ledger.ending_range(first, last);
        if engine.ledger.has_rings() {
            with_owner(|owner| owner.closing_rings(first, last));
        }
    }
}

impl Held {
    /// Makes the program's own call, in which nobody must be cancelled; `gave_up` says of
    /// its result whether the number is no longer the connection. Answers as well what is to
    /// be [waited for](wait_for).
    ///
    /// No signal handler runs until all is done, but where the inline engine waits.
    pub fn through<T>(self, own_call: impl FnOnce() -> T, gave_up: impl FnOnce(&T) -> bool) -> (T, Option<Lingering>) {
        let result = self.guard.own_call(own_call);
        if !gave_up(&result) {
            self.prepared.abandon();
            return (result, None);
        }
        if self.prepared.waits() {
            self.guard.let_signals_in();
        }
        let lingering = self.guard.engine().commit(self.fd, self.prepared);
        (result, lingering)
    }

    /// As [`Held::through`], for a call that gives the number up whatever it answers, and
    /// that may wait: handlers run.
    pub fn through_waiting<T>(self, own_call: impl FnOnce() -> T) -> (T, Option<Lingering>) {
        self.guard.let_signals_in();
        self.through(own_call, |_| true)
    }
}

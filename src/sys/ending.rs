//! The end of one descriptor number, by any call: `close`, `fclose`, a `dup2` over it, a range that
//! it lies in.
//!
//! Each of those hooks calls [`before`] and then makes the program's own call, by [`Held::through`]
//! where a connection is to be drained.

use super::guard::{Guard, act_on_cancellation, engine, with_guard, with_owner};
use libc::c_int;
use softclose_core::Errno;
use softclose_core::decision::Reason;
use softclose_core::drain::lingering::Lingering;
use softclose_core::engine::Prepared;
use softclose_core::sys::signals::Mask;
use softclose_core::sys::socket::{Phase, TcpInfo};
use softclose_core::sys::{Fd, socket};

/// What a call that gives up a number ends.
pub enum Ending {
    /// Nothing that is drained: the program's own call is made as it is. Signals may be held back
    /// until it is over: a handler that never returns finds a connection open or closed natively,
    /// and nothing in between. Before a call that waits they are let in.
    Plain(Option<Mask>),
    /// A number of softclose's own, which natively is not open.
    Private,
    /// The last reference to a connection.
    Held(Held),
}

/// A connection that is to be drained once the program's own call has given up its number.
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
    if Phase::of(info.state) == Phase::Unconnected {
        guard.engine().leave_unconnected(owner, fd);
        return Ending::Plain(None);
    }
    let may_linger = guard.engine().may_linger(owner, fd);
    if !guard.engine().waits_in_place() {
        guard.hold_signals();
    }
    match guard.engine().prepare(owner, fd, info) {
        // A call that waits must not keep signal handlers from running.
        Prepared::Plain if may_linger => Ending::Plain(None),
        Prepared::Plain => Ending::Plain(guard.take_signals()),
        prepared => Ending::Held(Held { guard, fd, prepared }),
    }
}

/// Waits as long as the program has asked its call to wait (`SO_LINGER`), after the number was given
/// up. No guard is held and nothing is to be dropped: a handler may leave by `siglongjmp`, and a
/// cancellation acts as it does natively.
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

/// Ends such a wait: the drain takes over.
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

/// After a call that gave up number `raw`: what another thread has noted of that number during the
/// call may be about what it was before.
pub fn after(raw: c_int) {
    if let (Some(engine), Some(fd)) = (engine(), Fd::new(raw)) {
        engine.ledger.ended(fd);
    }
}

/// Before a call that gives up all numbers of a range, and once more after it: what another thread
/// has noted of those numbers during the call may be about what they were before.
pub fn around_range(first: u32, last: u32) {
    if let Some(engine) = engine() {
        engine.ledger.ending_range(first, last);
        if engine.ledger.has_rings() {
            with_owner(|owner| owner.closing_rings(first, last));
        }
    }
}

impl Held {
    /// Makes the program's own call, with cancellation disabled. `gave_up` says by its result
    /// whether the number has been given up. Answers the result, and what is to be [waited
    /// for](wait_for).
    ///
    /// No signal handler runs until all is done, except while the inline engine waits.
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

    /// As [`Held::through`], for a call that gives up the number even where it fails, and that may
    /// wait: signal handlers run.
    pub fn through_waiting<T>(self, own_call: impl FnOnce() -> T) -> (T, Option<Lingering>) {
        self.guard.let_signals_in();
        self.through(own_call, |_| true)
    }
}

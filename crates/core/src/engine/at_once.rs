//! What is done to a connection right before the program's own close, and waits for nothing.
//!
//! Context: hooks of any kind.

use super::closing::Closing;
use super::prepared::Prepared;
use super::{Engine, counted, left_alone, objections, sets};
use crate::bounds::End;
use crate::decision::Reason;
use crate::discard::discard_queued;
use crate::settings::Strategy;
use crate::strategy;
use crate::sys::Fd;
use crate::sys::socket::Role;

/// Begins the close by its strategy; the program's own call follows on this thread. Only another
/// thread could see an event between the two, so the sets are left where there is one.
pub(super) fn close(engine: &Engine, closing: Closing<'_>) -> Prepared {
    let Closing { fd, strategy, .. } = closing;
    let is_seen = strategy::of(strategy).wakes_pollers() && !engine.context.is_single_threaded();
    let must_leave = is_seen || closing.owner.rings().is_any();
    if let Some(reason) = objections::against(engine, closing, true) {
        left_alone::leave_alone(engine, fd, closing.role(), reason)
    } else if must_leave && !sets::leave(engine, closing.owner, fd, &closing.claim) {
        left_alone::leave_alone(engine, fd, closing.role(), Reason::Unsure)
    } else {
        begin_close(engine, fd, closing.role(), strategy)
    }
}

/// The same without a look at what speaks against it.
pub(super) fn begin_close(engine: &Engine, fd: Fd, role: Role, strategy: Strategy) -> Prepared {
    counted::drain(engine, fd, role, strategy, || {
        strategy::of(strategy).begin_close(fd);
        (End::AtOnce, 0)
    });
    Prepared::Plain
}

/// Discards what is queued before the peer's FIN: then the program's own close sends no reset.
pub(super) fn discard(engine: &Engine, fd: Fd, role: Role, strategy: Strategy) -> Prepared {
    counted::drain(engine, fd, role, strategy, || (End::Fin, discard_queued(fd)));
    Prepared::Plain
}

//! A close that is held beyond the program's own call. The drain gets a private duplicate; the
//! inline engine waits itself.
//!
//! Context: hooks of any kind.

use super::closing::Closing;
use super::prepared::Prepared;
use super::{Engine, inline_close, left_alone, moment, objections, sets};
use crate::decision::Reason;
use crate::settings::DrainBy;

/// Holds the connection, if nothing speaks against it and it has left every epoll set.
pub(super) fn hold(engine: &'static Engine, closing: Closing<'_>) -> Prepared {
    let fd = closing.fd;
    // Where the program's own thread would have to wait for a writer, it does not.
    let in_place = engine.context.settings.engine == DrainBy::Inline || closing.linger_ms.is_some();
    if let Some(reason) = objections::against(engine, closing, in_place) {
        left_alone::leave_alone(engine, fd, closing.role(), reason)
    } else if !sets::leave(engine, closing.owner, fd, &closing.claim) {
        left_alone::leave_alone(engine, fd, closing.role(), Reason::Unsure)
    } else if engine.waits_in_place() {
        inline_close::close(engine, fd, closing.inline());
        Prepared::Plain
    } else if moment::drains(engine, closing) {
        Prepared::Plain
    } else {
        hand_over(engine, closing)
    }
}

/// As [`hold`], where the program has asked its close to wait for so many seconds
/// (`SO_LINGER{1,n}`): the call waits for that long, the drain goes on afterwards.
pub(super) fn linger(engine: &'static Engine, closing: Closing<'_>, seconds: u64) -> Prepared {
    let ms = u32::try_from(seconds.saturating_mul(1000)).unwrap_or(u32::MAX / 4);
    hold(engine, Closing { linger_ms: Some(ms), ..closing })
}

/// Reserves a place in the drain, with a private duplicate of `fd`.
fn hand_over(engine: &'static Engine, closing: Closing<'_>) -> Prepared {
    let Closing { owner, fd, claim, strategy, .. } = closing;
    let cookie = claim.cookie.map_or_else(|| engine.drain.cookie(fd), Ok);
    match cookie.and_then(|cookie| engine.drain.reserve(owner, fd, cookie, closing.role(), strategy)) {
        Ok(reserved) if engine.context.settings.engine == DrainBy::Inline => {
            Prepared::Inline(reserved, closing.inline())
        }
        Ok(reserved) => {
            if objections::may_have_writer(engine, closing) {
                reserved.expect_writer(fd);
            }
            match closing.linger_ms {
                None => Prepared::Held(reserved),
                Some(ms) => Prepared::Lingering(reserved, ms),
            }
        }
        Err(reason) => left_alone::leave_alone(engine, fd, closing.role(), reason),
    }
}

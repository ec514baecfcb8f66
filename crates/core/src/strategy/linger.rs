//! What `SO_LINGER{1,n}` and close would do, with n from the total bound (`SOFTCLOSE_TIMEOUT`).
//!
//! On Linux the option changes one thing: for how long `close` blocks (`inet_release`,
//! `sk_stream_wait_close`). The peer sees the same as with a plain close. If something was left
//! unread, it gets a RST at once. Else it gets a FIN behind what is queued, and a RST for the
//! next segment that it sends.
//!
//! Neither the program's `close` nor the drain's thread may block. So both directions are shut
//! instead, which is what `tcp_close` does before it waits (`SHUTDOWN_MASK`). The duplicate is
//! closed when the FIN has been acknowledged (no longer `sk_stream_closing`), or when the bound is
//! over: then the close has nothing to wait for. Where something is unread, the plain close is
//! the same, and the close is left alone.
//!
//! The inline engine waits inside `close` anyway, and sets the option.

use super::{CloseStrategy, unless_asked};
use crate::bounds::End;
use crate::decision::{Facts, Reason, Verdict};
use crate::discard::Step;
use crate::settings::Strategy;
use crate::sys::Fd;
use crate::sys::socket::Phase;
use crate::sys::socket::{self, PeerEnd};

/// The strategy `linger`: a close as with `SO_LINGER{1,n}`.
pub struct LingerStrategy;

impl CloseStrategy for LingerStrategy {
    fn name(&self) -> Strategy {
        Strategy::Linger
    }

    fn verdict(&self, facts: Facts) -> Verdict {
        match facts {
            Facts { unread: true, .. } => Verdict::LeaveAlone(Reason::Unread),
            Facts { phase: Phase::PeerDone, .. } => Verdict::LeaveAlone(Reason::PeerDone),
            Facts { sent: false, .. } => Verdict::LeaveAlone(Reason::NothingSent),
            _ => unless_asked(facts, Verdict::Hold),
        }
    }

    fn minds_unread(&self) -> bool {
        true
    }

    fn begin_close(&self, fd: Fd) {
        let _ = socket::shut_both(fd);
    }

    fn leave_to_close(&self, fd: Fd, timeout_ms: u32) -> bool {
        // If that is refused, the plain close looks the same to the peer.
        let _ = socket::set_linger(fd, seconds(timeout_ms));
        true
    }

    fn step(&self, fd: Fd) -> Step {
        let state = socket::tcp_info(fd).map_or(0, |info| info.state);
        // Data came between the decision and the shutdown: the close is a reset.
        if socket::unread(fd) != 0 {
            Step::End(0, End::Reset)
        } else if is_closing(state) {
            Step::More(0)
        } else if socket::peer_end(fd) == Some(PeerEnd::Broken) {
            Step::End(0, End::Reset)
        } else {
            Step::End(0, End::Acknowledged)
        }
    }
}

/// Whether our FIN is on its way, or still to be sent.
pub fn is_closing(state: u8) -> bool {
    const ESTABLISHED: u8 = 1;
    const FIN_WAIT1: u8 = 4;
    const CLOSE_WAIT: u8 = 8;
    const LAST_ACK: u8 = 9;
    const CLOSING: u8 = 11;
    matches!(state, ESTABLISHED | FIN_WAIT1 | CLOSE_WAIT | LAST_ACK | CLOSING)
}

/// Whole seconds, none of them cut off: 0 would be a reset.
fn seconds(timeout_ms: u32) -> u32 {
    const NO_LIMIT_S: u32 = i16::MAX as u32;
    if timeout_ms == 0 { NO_LIMIT_S } else { timeout_ms.div_ceil(1000) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_never_rounded_to_a_reset() {
        assert_eq!([1, 999, 1000, 1001, 30_000].map(seconds), [1, 1, 1, 2, 30]);
        assert!(seconds(0) > 1000);
    }
}

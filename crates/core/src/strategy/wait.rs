//! FIN, wait for the peer's FIN or an error without reading, close.
//!
//! The old recipe `shutdown`, `select` for `MAX_LINGER_SECONDS`, `close`, in the form that waits
//! on Linux: with the receive side open, and for `EPOLLRDHUP`.
//!
//! Unread data stays in the receive queue. So `__tcp_close` answers with a RST if the connection
//! is still there by then. A peer that uploads more than our window takes never comes to its
//! FIN: the total bound ends the wait. `SOFTCLOSE_IDLE` does not, as silence cannot be told
//! without reading.

use super::{CloseStrategy, unless_asked};
use crate::bounds::End;
use crate::decision::{Facts, Reason, Verdict};
use crate::discard::Step;
use crate::settings::Strategy;
use crate::sys::Fd;
use crate::sys::poller::Interest;
use crate::sys::socket::Phase;
use crate::sys::socket::{self, PeerEnd};

/// The strategy `wait`: half-close, wait for the peer's FIN without reading.
pub struct WaitStrategy;

impl CloseStrategy for WaitStrategy {
    fn name(&self) -> Strategy {
        Strategy::Wait
    }

    fn verdict(&self, facts: Facts) -> Verdict {
        match facts {
            Facts { phase: Phase::PeerDone, .. } => Verdict::LeaveAlone(Reason::PeerDone),
            Facts { sent: false, .. } => Verdict::LeaveAlone(Reason::NothingSent),
            _ => unless_asked(facts, Verdict::Hold),
        }
    }

    /// If the receive side is shut, `EPOLLRDHUP` comes at once.
    fn needs_receive_side(&self) -> bool {
        true
    }

    fn begin_close(&self, fd: Fd) {
        let _ = socket::half_close(fd);
    }

    fn interest(&self) -> Interest {
        Interest::FIN
    }

    fn step(&self, fd: Fd) -> Step {
        match socket::peer_end(fd) {
            None => Step::More(0),
            Some(PeerEnd::Orderly) => Step::End(0, End::Fin),
            Some(PeerEnd::Broken) => Step::End(0, End::Reset),
        }
    }
}

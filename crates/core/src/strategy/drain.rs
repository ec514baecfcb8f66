//! FIN, read and discard until the peer's FIN, close: no byte of the response is lost.
//!
//! The graceful sequence of Winsock ("Graceful Shutdown, Linger Options, and Socket
//! Closure"), of nginx's `lingering_close` and httpd's `ap_lingering_close`; RFC 9112
//! section 9.6 asks servers for it. As everything is read, `__tcp_close` finds nothing unread;
//! as the receive side is open, `tcp_rcv_state_process` answers no segment with a reset.
//!
//! Our FIN comes first, so TIME_WAIT is on our side (RFC 9293 section 3.6.1).

use super::{CloseStrategy, delivered};
use crate::decision::{Facts, Verdict};
use crate::discard::{Step, discard_some};
use crate::settings::Strategy;
use crate::sys::poller::Interest;
use crate::sys::{Fd, socket};

/// The strategy `drain`: half-close, discard until the peer's FIN.
pub struct DrainStrategy;

impl CloseStrategy for DrainStrategy {
    fn name(&self) -> Strategy {
        Strategy::Drain
    }

    fn verdict(&self, facts: Facts) -> Verdict {
        delivered(facts)
    }

    fn needs_receive_side(&self) -> bool {
        true
    }

    fn begin_close(&self, fd: Fd) {
        let _ = socket::half_close(fd);
    }

    fn reads(&self) -> bool {
        true
    }

    fn interest(&self) -> Interest {
        Interest::INPUT
    }

    fn step(&self, fd: Fd) -> Step {
        discard_some(fd)
    }
}

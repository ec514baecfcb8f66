//! FIN, read and discard until the peer's FIN, close: nothing is lost.
//!
//! The graceful sequence of Winsock ("Graceful Shutdown, Linger Options, and Socket
//! Closure"), of nginx's `lingering_close` and httpd's `ap_lingering_close`; RFC 9112
//! section 9.6 asks servers for it. While somebody reads, `__tcp_close` finds nothing
//! unread, and `tcp_rcv_state_process` resets nothing, as the receive side is open.
//!
//! Our FIN comes first, so TIME_WAIT is ours (RFC 9293 section 3.6.1).

use super::{CloseStrategy, delivered};
use crate::decision::{Facts, Verdict};
use crate::discard::{Step, discard_some};
use crate::settings::Strategy;
use crate::sys::poller::Interest;
use crate::sys::{Fd, socket};

/// See the module.
pub struct Drain;

impl CloseStrategy for Drain {
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

//! `shutdown(SHUT_RDWR)`, close: a recipe that has been handed down in newsgroups.
//!
//! The recipe has a `select` between the two, which is left out here: after `SHUT_RDWR` the socket is readable at once (`tcp_poll`
//! reports `EPOLLIN | EPOLLRDHUP` under `RCV_SHUTDOWN`), so that it waits for nothing.
//! Unread data causes a reset, and so does the next segment, as with a plain close
//! (`tcp_rcv_state_process`: `RCV_SHUTDOWN` in `TCP_FIN_WAIT1` and `TCP_FIN_WAIT2`).
//!
//! All of it happens before the program's own close, on its own descriptor.

use super::{CloseStrategy, unless_asked};
use crate::decision::{Facts, Reason, Verdict};
use crate::settings::Strategy;
use crate::sys::socket::Phase;
use crate::sys::{Fd, socket};

/// The strategy `both`: both directions are shut before the close.
pub struct BothStrategy;

impl CloseStrategy for BothStrategy {
    fn name(&self) -> Strategy {
        Strategy::Both
    }

    fn verdict(&self, facts: Facts) -> Verdict {
        match facts {
            // The plain close does the same.
            Facts { phase: Phase::PeerDone, unread: false, .. } => Verdict::LeaveAlone(Reason::PeerDone),
            _ => unless_asked(facts, Verdict::AtOnce),
        }
    }

    fn begin_close(&self, fd: Fd) {
        let _ = socket::shut_both(fd);
    }
}

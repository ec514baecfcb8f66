//! The program's own close, and a note of what it loses: a dry run in production.
//!
//! Nothing is done to the socket: no duplicate, no epoll set left, no thread, no
//! rehearsal of system calls. It is asked what it is, what was left unread, what was not
//! sent and what was not acknowledged, and only where [`super::drain`] would have acted;
//! whose the socket is, is found out in the same way.

use super::{CloseStrategy, delivered};
use crate::decision::{Facts, Verdict};
use crate::settings::Strategy;
use crate::sys::Fd;

/// See the module.
pub struct Observe;

impl CloseStrategy for Observe {
    fn name(&self) -> Strategy {
        Strategy::Observe
    }

    fn verdict(&self, facts: Facts) -> Verdict {
        match delivered(facts) {
            Verdict::LeaveAlone(reason) => Verdict::LeaveAlone(reason),
            _ => Verdict::Observe,
        }
    }

    fn begin_close(&self, _fd: Fd) {}
}

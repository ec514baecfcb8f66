//! The program's own close, and a count of what it loses: a dry run in production.
//!
//! Nothing is done to the socket. It takes no descriptor, starts no thread, and removes nothing
//! from epoll sets. Where [`super::drain`] would have acted, the socket is asked how much was left
//! unread, how much was not sent, and how much was not acknowledged. Whether somebody else holds
//! the socket is found out in the same way as under [`super::drain`].

use super::{CloseStrategy, delivered};
use crate::decision::{Facts, Verdict};
use crate::settings::Strategy;
use crate::sys::Fd;

/// The strategy `observe`: the close is left alone, and its losses are counted.
pub struct ObserveStrategy;

impl CloseStrategy for ObserveStrategy {
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

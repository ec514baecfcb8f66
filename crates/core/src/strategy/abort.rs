//! `SO_LINGER{1,0}`, close: a reset, and no TIME_WAIT.
//!
//! `__tcp_close` calls `tcp_disconnect`, which throws both queues away and sends a RST;
//! the kernel counts it as `TcpExtTCPAbortOnData`, or, where something was unread, as
//! `TcpExtTCPAbortOnClose`. What the peer had not got yet is lost, also where it has
//! sent its FIN and waits for the rest.
//!
//! The option is set on the program's own descriptor, right before its own close. At the end of
//! a process it is set as well: `inet_release` ignores only a *wait* under `PF_EXITING`.

use super::{CloseStrategy, unless_asked};
use crate::decision::{Facts, Verdict};
use crate::settings::Strategy;
use crate::sys::{Fd, socket};

/// The strategy `abort`: the close is a reset.
pub struct AbortStrategy;

impl CloseStrategy for AbortStrategy {
    fn name(&self) -> Strategy {
        Strategy::Abort
    }

    fn verdict(&self, facts: Facts) -> Verdict {
        unless_asked(facts, Verdict::AtOnce)
    }

    fn begin_close(&self, fd: Fd) {
        let _ = socket::set_linger(fd, 0);
    }

    fn wakes_pollers(&self) -> bool {
        false
    }
}

//! What a close that is left alone loses, counted and told: the strategy `observe`.
//!
//! Context: hooks of any kind. Only questions to the kernel.

use super::{Engine, Prepared};
use crate::counters::Loss;
use crate::decision::Reason;
use crate::settings::{LogLevel, Strategy};
use crate::strategy::choice;
use crate::sys::Fd;
use crate::sys::socket::{self, TcpInfo};

impl Engine {
    /// Notes what the program's own close of `fd` is about to lose.
    #[inline(never)]
    pub(super) fn observe(&self, fd: Fd, info: TcpInfo) -> Prepared {
        let loss =
            Loss { unread: socket::unread(fd), unsent: socket::unsent(fd), unacknowledged: socket::unacknowledged(fd) };
        self.common.counters.left_alone(Reason::Observed);
        self.common.counters.observed(loss);
        self.common.report(LogLevel::Debug, |line| {
            line.text(" observed").field("fd", fd.raw() as u64).word("state", state_name(info.state));
            line.field("unread", loss.unread).field("unsent", u64::from(loss.unsent));
            line.field("unacknowledged", u64::from(loss.unacknowledged));
        });
        Prepared::Plain
    }

    /// Whether any connection may be one to observe.
    pub(super) fn observes(&self) -> bool {
        choice::may_choose(&self.common.settings, Strategy::Observe)
    }
}

/// As `ss` and netstat(8) have it.
fn state_name(state: u8) -> &'static str {
    match state {
        1 => "established",
        4 => "fin-wait-1",
        5 => "fin-wait-2",
        8 => "close-wait",
        9 => "last-ack",
        11 => "closing",
        _ => "other",
    }
}

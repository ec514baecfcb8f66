//! What a close that is left alone loses, counted and told: the strategy `observe`.
//!
//! Context: hooks of any kind. Only questions to the kernel.

use super::{Engine, Prepared};
use crate::counters::Loss;
use crate::decision::Reason;
use crate::settings::{LogLevel, Strategy};
use crate::strategy::choice;
use crate::sys::Fd;
use crate::sys::socket;
use crate::sys::socket::Role;

impl Engine {
    /// Notes what the program's own close of `fd` is about to lose.
    #[inline(never)]
    pub(super) fn observe(&self, fd: Fd, role: Role) -> Prepared {
        let note = self.context.note(fd, role);
        let loss =
            Loss { unread: socket::unread(fd), unsent: socket::unsent(fd), unacknowledged: socket::unacknowledged(fd) };
        self.context.counters.left_alone(Reason::Observed);
        self.context.counters.observed(loss);
        self.context.report(LogLevel::Debug, |line| {
            line.text(" observed").connection(note.as_ref()).field("unsent", u64::from(loss.unsent));
            line.field("unacknowledged", u64::from(loss.unacknowledged));
        });
        Prepared::Plain
    }

    /// Whether any connection may be one to observe.
    pub(super) fn observes(&self) -> bool {
        choice::may_choose(self.context.settings, Strategy::Observe)
    }
}

//! A close that is left as the program made it: counted, and told; under the strategy `observe`
//! with what it loses.
//!
//! Context: hooks of any kind. Only questions to the kernel.

use super::{Engine, Prepared};
use crate::counters::Loss;
use crate::decision::Reason;
use crate::log::note::Note;
use crate::settings::{LogLevel, Strategy};
use crate::strategy::choice;
use crate::sys::Fd;
use crate::sys::socket;
use crate::sys::socket::Role;

/// Counts and logs a close that stays as it is, with the reason.
pub(super) fn leave_alone(engine: &Engine, fd: Fd, role: Role, reason: Reason) -> Prepared {
    engine.context.counters.left_alone(reason);
    let level = match reason {
        Reason::Full | Reason::NoThread => LogLevel::Error,
        _ => LogLevel::Debug,
    };
    engine.context.report(level, |line| {
        line.text(" left alone").connection(Some(&Note::of(fd, role))).word("reason", reason.name());
    });
    Prepared::Plain
}

/// Counts and logs what the program's own close of `fd` is about to lose.
#[inline(never)]
pub(super) fn observe(engine: &Engine, fd: Fd, role: Role) -> Prepared {
    let note = engine.context.note(fd, role);
    let loss =
        Loss { unread: socket::unread(fd), unsent: socket::unsent(fd), unacknowledged: socket::unacknowledged(fd) };
    engine.context.counters.left_alone(Reason::Observed);
    engine.context.counters.observed(loss);
    engine.context.report(LogLevel::Debug, |line| {
        line.text(" observed").connection(note.as_ref()).field("unsent", u64::from(loss.unsent));
        line.field("unacknowledged", u64::from(loss.unacknowledged));
    });
    Prepared::Plain
}

/// Whether the settings choose `observe` for any connection.
pub(super) fn observes(engine: &Engine) -> bool {
    choice::may_choose(engine.context.settings, Strategy::Observe)
}

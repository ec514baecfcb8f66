//! The inline engine: the closing thread waits for the peer itself (`SOFTCLOSE_ENGINE=inline`).
//!
//! Context: hooks of any kind. It waits, within bounds.

use super::closing::InlineClose;
use super::{Engine, counted};
use crate::bounds::End;
use crate::drain::hand_over::Reserved;
use crate::inline;
use crate::settings::DrainBy;
use crate::strategy;
use crate::sys::Fd;
use crate::sys::socket;

/// For how long a close waits at most, in milliseconds. A peer that sends a byte now and then
/// must not hold the program's thread for all of `SOFTCLOSE_TIMEOUT`.
const MOST_INLINE_MS: u32 = 1000;

impl Engine {
    /// Whether the inline engine waits before the program's own call. With one thread nobody
    /// could use the number meanwhile, so that no duplicate is needed.
    pub fn waits_in_place(&self) -> bool {
        self.context.settings.engine == DrainBy::Inline && self.context.is_single_threaded()
    }
}

/// Closes by its strategy, and waits until that is over or `MOST_INLINE_MS` are.
pub(super) fn close(engine: &Engine, fd: Fd, inline: InlineClose) {
    let InlineClose { role, strategy, linger_ms } = inline;
    let settings = engine.context.settings;
    let close_strategy = strategy::of(strategy);
    let bounds = close_strategy.bounds(settings, role).within(MOST_INLINE_MS);
    if let Some(ms) = linger_ms {
        inline::until_acknowledged(fd, ms);
        socket::linger_off(fd);
    }
    socket::stop_signals(fd);
    counted::drain(engine, fd, role, strategy, || {
        if close_strategy.leave_to_close(fd, bounds.timeout_ms) {
            (End::AtOnce, 0)
        } else {
            inline::one(fd, close_strategy, bounds, close_strategy.patience_ms(settings))
        }
    });
}

/// The same on a duplicate, beside other threads: natively they could use the number by now.
pub(super) fn close_copy(engine: &Engine, reserved: Reserved, inline: InlineClose) {
    if let Some(fd) = reserved.fd() {
        close(engine, fd, inline);
    }
    reserved.abandon();
}

//! One connection in the list of those that are finished together.
//!
//! Context: the thread that ends the process.

use super::held::Held;
use crate::bounds::{Bounds, Progress};
use crate::context::Context;
use crate::log::note::Note;
use crate::settings::Strategy;
use crate::strategy::{self, CloseStrategy};
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::socket::{self, Role};
use crate::zeroed;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::Relaxed};
use softclose_finisher::task::{Mode, Task};

zeroed! {
    #[derive(Default)]
    /// A connection, and how far it has come. A number of -1: it is over.
    pub(super) struct Open {
        pub(super) fd: AtomicI32,
        /// A [`Strategy`], [`STILL_OPEN`] and [`CONNECTED`].
        flags: AtomicU32,
        pub(super) note: Note,
        discarded: AtomicU64,
        begun: AtomicU32,
        last: AtomicU32,
    }
}

/// The strategy is still to begin the close.
pub(super) const STILL_OPEN: u32 = 1 << 8;
const CONNECTED: u32 = 1 << 9;

impl Open {
    pub(super) fn fill(&self, held: &Held<'_>) {
        let Held { fd, role, strategy, is_open, progress, note } = held;
        let open = if *is_open { STILL_OPEN } else { 0 };
        let connected = if *role == Role::Connected { CONNECTED } else { 0 };
        self.fd.store(fd.raw(), Relaxed);
        self.flags.store(*strategy as u32 | open | connected, Relaxed);
        self.discarded.store(progress.discarded, Relaxed);
        self.begun.store(progress.begun.0, Relaxed);
        self.last.store(progress.last.0, Relaxed);
        note.iter().for_each(|note| self.note.copy(note));
    }

    pub(super) fn has(&self, flag: u32) -> bool {
        self.flags.load(Relaxed) & flag != 0
    }

    pub(super) fn close_strategy(&self) -> &'static dyn CloseStrategy {
        let name = Strategy::from_index(self.flags.load(Relaxed) & (STILL_OPEN - 1));
        strategy::of(name.unwrap_or(Strategy::Drain))
    }

    pub(super) fn bounds(&self, context: &Context) -> Bounds {
        let role = if self.has(CONNECTED) { Role::Connected } else { Role::Accepted };
        self.close_strategy().bounds(context.settings, role)
    }

    pub(super) fn progress(&self) -> Progress {
        let [begun, last] = [&self.begun, &self.last].map(|at| Millis(at.load(Relaxed)));
        Progress { begun, last, discarded: self.discarded.load(Relaxed) }
    }

    pub(super) fn advance(&self, bytes: u64) {
        if bytes != 0 {
            self.discarded.fetch_add(bytes, Relaxed);
            self.last.store(Millis::now().0, Relaxed);
        }
    }

    /// Milliseconds until the strategy begins the close.
    pub(super) fn begins_in(&self, context: &Context, now: Millis) -> u32 {
        let patience = self.close_strategy().patience_ms(context.settings);
        if self.has(STILL_OPEN) { patience.saturating_sub(now.since(self.progress().begun)) } else { 0 }
    }

    pub(super) fn begin_close_if_due(&self, fd: Fd, context: &Context, now: Millis) {
        if self.begins_in(context, now) == 0 {
            self.flags.fetch_and(!STILL_OPEN, Relaxed);
            self.close_strategy().begin_close(fd);
        }
    }

    pub(super) fn task(&self, fd: Fd, context: &Context, now: Millis) -> Option<Task> {
        let Progress { last, discarded, .. } = self.progress();
        let Bounds { idle_ms, bytes, .. } = self.bounds(context);
        let mode = match self.close_strategy().name() {
            Strategy::Wait => Mode::Fin,
            Strategy::Linger => Mode::Acknowledged,
            _ => Mode::Discard,
        };
        Some(Task {
            mode,
            fd: fd.raw(),
            cookie: socket::cookie(fd)?,
            begin_ms: if self.has(STILL_OPEN) { u64::from(self.begins_in(context, now).max(1)) } else { 0 },
            idle_ms: u64::from(idle_ms),
            silent_ms: u64::from(now.since(last)),
            // Used up it is over, but 0 is no limit.
            bytes: if bytes == 0 { 0 } else { bytes.saturating_sub(discarded).max(1) },
        })
    }
}

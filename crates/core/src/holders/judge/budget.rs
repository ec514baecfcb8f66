//! How long one look at procfs may take.
//!
//! A closing thread waits for the look, and may be the thread of an event loop. A machine full of processes,
//! or a process full of descriptors, makes a look take a hundred times as long. What counts is the processor time
//! of the looking thread: where other threads take the processor away from it, they would do so
//! without softclose as well.
//!
//! Context: hooks of any kind.

use super::Scope;
use crate::sys::clock::ThreadTime;
use core::cell::Cell;

/// The moment, in processor time of this thread, at which a look ends.
pub struct Budget {
    until: ThreadTime,
    links: Cell<u32>,
    is_spent: Cell<bool>,
}

impl Budget {
    /// Without optimization the same look takes several times as long.
    const MICROSECONDS: u64 = if cfg!(debug_assertions) { 4 * 1900 } else { 1900 };
    /// After so many links the clock is read; a link takes a microsecond.
    const LINKS: u32 = 64;

    /// So many times as long where no other connection is served meanwhile, as at the end of a process.
    const AT_END: u64 = 4;
    /// So many times as long where nobody waits for the look.
    const AHEAD: u64 = 50;

    /// The budget of a look with this scope, from now on.
    pub fn of(scope: Scope) -> Self {
        Self::after(if scope.is_patient { Self::AT_END * Self::MICROSECONDS } else { Self::MICROSECONDS })
    }

    /// The budget of a look that nobody waits for, from now on.
    pub fn ahead() -> Self {
        Self::after(Self::AHEAD * Self::MICROSECONDS)
    }

    fn after(microseconds: u64) -> Self {
        Self { until: ThreadTime::after(microseconds), links: Cell::new(0), is_spent: Cell::new(false) }
    }

    /// Whether it is spent, to be asked at each link: the clock is read now and then.
    pub fn is_spent(&self) -> bool {
        self.links.set(self.links.get() + 1);
        if self.links.get().is_multiple_of(Self::LINKS) { self.is_spent_now() } else { self.is_spent.get() }
    }

    /// Whether it is spent, to be asked at each process: reads the clock.
    pub fn is_spent_now(&self) -> bool {
        if !self.is_spent.get() {
            self.is_spent.set(self.until.is_over());
        }
        self.is_spent.get()
    }
}

//! How long a look may take.
//!
//! A closer waits for it, which may be the thread of an event loop. A machine full of
//! processes, or a process full of descriptors, takes a hundred times as long. What counts is
//! the time that the looking thread itself needs: where others take the processor away from it,
//! they do so natively.
//!
//! Context: hooks of any kind.

use super::Scope;
use crate::sys::clock::ThreadTime;
use core::cell::Cell;

/// A point in the thread's time, which is looked at now and then.
pub struct Budget {
    until: ThreadTime,
    links: Cell<u32>,
    is_spent: Cell<bool>,
}

impl Budget {
    /// Without optimization the same look takes several times as long.
    const MICROSECONDS: u64 = if cfg!(debug_assertions) { 4 * 1900 } else { 1900 };
    /// Links between two looks at the clock: a microsecond each.
    const LINKS: u32 = 64;

    /// So many times as long where nobody else is served meanwhile, as at the end of a process.
    const AT_END: u64 = 4;
    /// And where nobody waits for it.
    const AHEAD: u64 = 50;

    /// From now on, for this question.
    pub fn of(scope: Scope) -> Self {
        Self::after(if scope.is_patient { Self::AT_END * Self::MICROSECONDS } else { Self::MICROSECONDS })
    }

    /// From now on, where nobody waits.
    pub fn ahead() -> Self {
        Self::after(Self::AHEAD * Self::MICROSECONDS)
    }

    fn after(microseconds: u64) -> Self {
        Self { until: ThreadTime::after(microseconds), links: Cell::new(0), is_spent: Cell::new(false) }
    }

    /// Whether it is spent; to be asked at each link.
    pub fn is_spent(&self) -> bool {
        self.links.set(self.links.get() + 1);
        if self.links.get().is_multiple_of(Self::LINKS) { self.is_spent_now() } else { self.is_spent.get() }
    }

    /// Whether it is spent; to be asked at each process.
    pub fn is_spent_now(&self) -> bool {
        if !self.is_spent.get() {
            self.is_spent.set(self.until.is_over());
        }
        self.is_spent.get()
    }
}

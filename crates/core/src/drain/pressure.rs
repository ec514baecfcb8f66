//! The program has run out of descriptors, and some of them are ours.
//!
//! Context: the hook of a call that has failed with `EMFILE`; waits, for 50 milliseconds at most.

use super::Drain;
use super::wake::wake;
use core::sync::atomic::Ordering::SeqCst;

impl Drain {
    /// Has the drainer give up half of what is held, and waits until the first has ended; with
    /// nothing held, has it leave and close its epoll set. False where no drain has ended, or no
    /// private number is one that the program could have.
    pub fn relieve(&'static self) -> bool {
        const MOMENT_MS: u32 = 50;
        let seen = self.drainer.ended.count();
        if !self.has_thread() || !self.has_numbers_of_program() {
            return false;
        }
        if self.held_sockets() == 0 {
            drop(self.dismiss());
            return true;
        }
        self.demands.pressed.store(true, SeqCst);
        wake(self);
        self.drainer.ended.sleep(seen, MOMENT_MS);
        self.drainer.ended.count() != seen
    }

    /// Whether a private number is one that the program could have: it lies below the soft limit.
    fn has_numbers_of_program(&self) -> bool {
        let is_below = |soft| self.next_private(0).is_some_and(|fd| (fd.raw() as u32) < soft);
        self.numbers.limit_below().is_none_or(is_below)
    }
}

//! A hook defers the shutdown of a receive side, or takes it away again.
//!
//! Many programs call `shutdown(SHUT_RDWR)` before the close. With the receive side shut, the kernel
//! answers the peer's next segment with a RST. So that half of the call is deferred: until the close,
//! whose drain makes it needless, or until it is due; then the drainer does it
//! ([`super::due_shutdowns`]), and a thread that is blocked in a read wakes.
//!
//! Context: any hook; async-signal-safe and lock-free.

use super::Drain;
use super::claim::{Claimant, enter};
use super::due_shutdowns;
use super::take_back::take_back_offers;
use super::wake::wake;
use crate::decision::Reason;
use crate::holders::ledger::Owner;
use crate::sys::clock::Millis;
use crate::sys::{Fd, socket};

impl Drain {
    /// Defers the shutdown of the receive side of `fd` for `ms` milliseconds.
    ///
    /// # Errors
    /// The reason why it has to be done at once.
    pub fn schedule(&'static self, owner: Owner<'_>, fd: Fd, ms: u32) -> Result<(), Reason> {
        let cookie = self.cookie(fd)?;
        if self.demands.deferred.has(cookie) {
            return Ok(());
        }
        enter(self, owner, Claimant::DeferredShutdown)?;
        let due = Millis::now().plus(ms);
        if !self.demands.deferred.add(fd, cookie, due) {
            self.drainer.gate.one_less();
            return Err(Reason::Full);
        }
        if self.drainer.gate.is_idle() {
            take_back_offers(self);
            return Ok(());
        }
        self.drainer.first_offer.notify();
        if self.drainer.set.oversleeps(due) {
            wake(self);
        }
        Ok(())
    }

    /// Before a close of `fd` that is drained: a deferred shutdown of its receive side is not done.
    pub fn cancel(&self, fd: Fd) {
        if self.demands.deferred.count() != 0
            && let Some(cookie) = socket::cookie(fd)
            && self.demands.deferred.take(|_, found| found == cookie).is_some()
        {
            self.drainer.gate.one_less();
        }
    }

    /// Before a close of `fd` that is left to the program: a shutdown that was deferred for this very
    /// number is done now.
    pub fn apply_now(&self, fd: Fd) {
        if self.demands.deferred.count() != 0
            && let Some(cookie) = socket::cookie(fd)
            && self.demands.deferred.take(|shutdown, found| found == cookie && shutdown.is_by(fd)).is_some()
        {
            let _ = socket::shut_receive(fd);
            self.drainer.gate.one_less();
        }
    }

    /// Does the deferred shutdowns that are due, or `all` of them.
    pub fn apply_due(&self, all: bool) {
        if self.demands.deferred.count() != 0 {
            due_shutdowns::apply(self, all);
        }
    }
}

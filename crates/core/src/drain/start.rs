//! A hook starts the drainer.
//!
//! Context: any hook, with signals held back; async-signal-safe and lock-free.

use super::private_numbers::low_number_of_set;
use super::{Drain, draining};
use crate::decision::Reason;
use crate::sys::poller::Poller;

impl Drain {
    /// Starts the drainer. Where that fails, offers that other hooks have made meanwhile are taken
    /// back.
    ///
    /// # Errors
    /// The reason to leave the program's call alone.
    #[inline(never)]
    pub(super) fn start(&'static self) -> Result<(), Reason> {
        let started = self.try_start();
        match started {
            Ok(()) => self.drainer.gate.started(),
            Err(_) => {
                self.drainer.gate.not_started();
                self.take_back();
            }
        }
        started
    }

    fn try_start(&'static self) -> Result<(), Reason> {
        // Once more, now that a hook which dismisses the threads can see that this one starts.
        if self.demands.dismissals.is_any() {
            return Err(Reason::NoThread);
        }
        let set = self.create_set()?;
        self.drainer.set.put(set);
        self.drainer.threads.spawn(draining::run, self, self.context.processors).map_err(|_| {
            set.fd().close();
            self.drainer.set.unset();
            Reason::NoThread
        })
    }

    fn create_set(&self) -> Result<Poller, Reason> {
        let low = low_number_of_set(self.ledger.has_forked());
        let create = |highest| Poller::create_from(low.min(highest), highest);
        let behind_all = self.numbers.room() as usize;
        self.numbers.make(&self.ledger.limit, behind_all, create).map_err(|_| Reason::Full)
    }
}

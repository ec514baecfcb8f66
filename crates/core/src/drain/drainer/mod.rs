//! What the drainer shares with the hooks.
//!
//! The drainer is a thread of ours that drains all held sockets of the process. Its own code is
//! in [`super::draining`].
//!
//! | file | one idea |
//! |---|---|
//! | [`gate`] | one word: is there a thread, and how many sockets are held |
//! | [`own_threads`] | the ids and stacks of the thread, and how it is started |
//! | [`own_set`] | its epoll set, and until when it sleeps there |

pub mod gate;
pub mod own_set;
pub mod own_threads;

use crate::sys::event_count::EventCount;
use gate::Gate;
use own_set::OwnSet;
use own_threads::OwnThreads;

/// The shared state of the drainer. Async-signal-safe and lock-free.
pub struct Drainer {
    /// Whether there is a thread, and how much it has to do.
    pub gate: Gate,
    /// The ids of the thread, and its stacks.
    pub threads: OwnThreads,
    /// The epoll set of the thread.
    pub set: OwnSet,
    /// Notified to end the thread's rest between two turns.
    pub wakeup: EventCount,
    /// Notified of an offer; the thread sleeps on it while nothing is held.
    pub first_offer: EventCount,
    /// Notified when a drain has ended or a demand is met; hooks sleep on it.
    pub ended: EventCount,
}

impl Drainer {
    /// No thread, and nothing held.
    pub const fn new() -> Self {
        Self {
            gate: Gate::new(),
            threads: OwnThreads::new(),
            set: OwnSet::new(),
            wakeup: EventCount::new(),
            first_offer: EventCount::new(),
            ended: EventCount::new(),
        }
    }

    /// To be called in a fork child, where there is no such thread.
    pub fn forget(&self) {
        self.set.forget();
        self.threads.forget();
        [&self.wakeup, &self.first_offer, &self.ended].into_iter().for_each(EventCount::forget);
        self.gate.forget();
    }
}

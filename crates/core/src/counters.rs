//! What was done, counted.
//!
//! Context: any thread, any hook: plain relaxed atomics, no order between them.

use crate::bounds::{ENDS, End};
use crate::decision::{REASONS, Reason};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Every counter of one process.
#[derive(Default)]
pub struct Counters {
    left_alone: [AtomicU64; REASONS.len()],
    ended: [AtomicU64; ENDS.len()],
    begun: AtomicU64,
    discarded: AtomicU64,
    observed: [AtomicU64; LOSSES.len()],
    log_dropped: AtomicU64,
}

/// What a close that was only observed had, and lost or might lose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss {
    /// Bytes that the program never read. With any of them the close is a reset at once.
    pub unread: u64,
    /// Bytes that were not sent even once.
    pub unsent: u32,
    /// Bytes that the peer had not acknowledged, those not sent included.
    pub unacknowledged: u32,
}

/// Names of the sums over all observed closes.
const LOSSES: [&str; 4] = ["observed-resets", "observed-unread", "observed-unsent", "observed-unacknowledged"];

impl Counters {
    /// All zero.
    pub const fn new() -> Self {
        Self {
            left_alone: [const { AtomicU64::new(0) }; REASONS.len()],
            ended: [const { AtomicU64::new(0) }; ENDS.len()],
            begun: AtomicU64::new(0),
            discarded: AtomicU64::new(0),
            observed: [const { AtomicU64::new(0) }; LOSSES.len()],
            log_dropped: AtomicU64::new(0),
        }
    }

    /// A TCP close was left as the program made it.
    pub fn left_alone(&self, reason: Reason) {
        if let Some(counter) = self.left_alone.get(reason as usize) {
            counter.fetch_add(1, Relaxed);
        }
    }

    /// A drain has begun.
    pub fn begun(&self) {
        self.begun.fetch_add(1, Relaxed);
    }

    /// A drain has ended after discarding so many bytes.
    pub fn ended(&self, end: End, discarded: u64) {
        if let Some(counter) = self.ended.get(end as usize) {
            counter.fetch_add(1, Relaxed);
        }
        self.discarded.fetch_add(discarded, Relaxed);
    }

    /// A close was observed, with so much to lose.
    pub fn observed(&self, loss: Loss) {
        let Loss { unread, unsent, unacknowledged } = loss;
        let more = [u64::from(unread != 0), unread, u64::from(unsent), u64::from(unacknowledged)];
        for (counter, more) in self.observed.iter().zip(more) {
            counter.fetch_add(more, Relaxed);
        }
    }

    /// A log line could not be written without waiting.
    pub fn log_dropped(&self) {
        self.log_dropped.fetch_add(1, Relaxed);
    }

    /// Name and value of each, for a log line.
    pub fn each(&self, mut visit: impl FnMut(&'static str, u64)) {
        visit("drains", self.begun.load(Relaxed));
        visit("discarded", self.discarded.load(Relaxed));
        for ((_, name), counter) in ENDS.iter().zip(&self.ended) {
            visit(name, counter.load(Relaxed));
        }
        for ((_, name), counter) in REASONS.iter().zip(&self.left_alone) {
            visit(name, counter.load(Relaxed));
        }
        for (name, counter) in LOSSES.iter().zip(&self.observed) {
            visit(name, counter.load(Relaxed));
        }
        visit("log-dropped", self.log_dropped.load(Relaxed));
    }
}

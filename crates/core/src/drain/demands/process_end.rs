//! What the end of the process demands of the drainer.
//!
//! Context: any hook, and the drainer; async-signal-safe and lock-free.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

/// The drainer goes on.
const STAY: u32 = 0;
/// The drainer has to leave, and to leave all sockets to the thread that ends the process.
const YIELD: u32 = 1;
/// The drainer leaves, and touches nothing any more.
const YIELDED: u32 = 2;

/// Whether the process ends, and what becomes of the drainer then.
pub struct ProcessEnd {
    exiting: AtomicBool,
    /// [`STAY`], [`YIELD`] or [`YIELDED`].
    yielding: AtomicU32,
}

impl ProcessEnd {
    /// The process goes on.
    pub const fn new() -> Self {
        Self { exiting: AtomicBool::new(false), yielding: AtomicU32::new(STAY) }
    }

    /// Whether another program is about to take the place of this one: sockets whose peer has
    /// acknowledged everything and is silent are not waited for any more, and deferred shutdowns
    /// are done at once.
    pub fn is_exiting(&self) -> bool {
        self.exiting.load(SeqCst)
    }

    /// Sets what [`Self::is_exiting`] answers.
    pub fn set_exiting(&self, exiting: bool) {
        self.exiting.store(exiting, SeqCst);
    }

    /// Tells the drainer to leave as it stands.
    pub fn ask_to_yield(&self) {
        self.yielding.store(YIELD, SeqCst);
    }

    /// Whether the drainer has to leave as it stands, or has left.
    pub fn is_yielding(&self) -> bool {
        self.yielding.load(SeqCst) != STAY
    }

    /// Whether the drainer has been told to leave, and has not answered.
    pub fn awaits_yield(&self) -> bool {
        self.yielding.load(SeqCst) == YIELD
    }

    /// The drainer answers that it touches nothing any more.
    pub fn has_yielded(&self) {
        self.yielding.store(YIELDED, SeqCst);
    }

    /// To be called in a fork child: it does not end.
    pub fn forget(&self) {
        self.set_exiting(false);
        self.yielding.store(STAY, SeqCst);
    }
}

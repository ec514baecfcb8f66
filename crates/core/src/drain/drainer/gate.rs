//! One word that the hooks and the drainer share: whether there is a thread, and how many
//! sockets are claimed or held.
//!
//! A hook enters before anything else; if there is no thread, it starts one. The thread leaves
//! only by changing "running, none held" to "idle" in one step. So no socket is ever handed to
//! a thread that has left, and there are never two threads that drain. No hook waits.
//!
//! A thread may fail to start, after another hook has counted on it. The hook that failed to
//! start it looks for offers afterwards; the hook that offers looks afterwards whether the gate
//! is idle. So one of the two takes the offer back.
//!
//! Context: any hook, and the drainer; async-signal-safe and lock-free. `tests/loom/gate.rs`
//! explores every interleaving.

use crate::sync::{AtomicU32, SeqCst};

/// The gate: whether there is a thread in the lower two bits of the word, the number of sockets
/// that are claimed or held above.
pub struct Gate(AtomicU32);

#[derive(Clone, Copy, PartialEq, Eq)]
enum GateState {
    /// There is no thread.
    Idle = 0,
    /// A hook is starting the thread.
    Starting = 1,
    /// There is a thread.
    Running = 2,
}

const STATE: u32 = 3;
const ONE: u32 = 4;

impl Gate {
    /// No thread, nothing held.
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// How many sockets are claimed or held, plus how many shutdowns are deferred.
    pub fn held(&self) -> u32 {
        self.0.load(SeqCst) / ONE
    }

    /// Whether there is no thread and nothing is held.
    pub fn is_shut(&self) -> bool {
        self.0.load(SeqCst) == 0
    }

    /// Whether there is no thread, and no hook is starting one.
    pub fn is_idle(&self) -> bool {
        self.0.load(SeqCst) & STATE == GateState::Idle as u32
    }

    /// Whether a hook is starting the thread.
    pub fn is_starting(&self) -> bool {
        self.0.load(SeqCst) & STATE == GateState::Starting as u32
    }

    /// Counts one more socket, if `admit` allows it; `admit` gets whether there is no thread,
    /// and how many sockets are held. Answers whether the caller has to start the thread and to
    /// call [`started`](Self::started) or [`not_started`](Self::not_started): where there is
    /// none and the caller `needs_thread`.
    ///
    /// # Errors
    /// What `admit` answers.
    pub fn enter<E>(&self, needs_thread: bool, admit: impl Fn(bool, u32) -> Result<(), E>) -> Result<bool, E> {
        let mut word = self.0.load(SeqCst);
        loop {
            let idle = word & STATE == GateState::Idle as u32;
            admit(idle, word / ONE)?;
            let starts = idle && needs_thread;
            let next = if starts { word + ONE + GateState::Starting as u32 } else { word + ONE };
            match self.0.compare_exchange(word, next, SeqCst, SeqCst) {
                Ok(_) => return Ok(starts),
                Err(now) => word = now,
            }
        }
    }

    /// The caller has started the thread.
    pub fn started(&self) {
        self.set_state(GateState::Running);
    }

    /// The caller could not start the thread; the socket of the caller is not held.
    pub fn not_started(&self) {
        self.set_state(GateState::Idle);
        self.one_less();
    }

    fn set_state(&self, state: GateState) {
        let update = |word| Some(word & !STATE | state as u32);
        let _ = self.0.fetch_update(SeqCst, SeqCst, update);
    }

    /// One socket is not held any more, or was not claimed after all.
    pub fn one_less(&self) {
        self.0.fetch_sub(ONE, SeqCst);
    }

    /// Closes the gate behind the thread, unless something is held: from then on a hook starts a
    /// new thread. Answers whether the thread has to leave.
    pub fn leave(&self) -> bool {
        self.0.compare_exchange(GateState::Running as u32, GateState::Idle as u32, SeqCst, SeqCst).is_ok()
    }

    /// To be called in a fork child: there is no thread, and nothing is held.
    pub fn forget(&self) {
        self.0.store(0, SeqCst);
    }
}

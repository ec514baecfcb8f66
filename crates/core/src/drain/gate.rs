//! The one word that hooks and the drainer's thread share: whether there is a
//! thread, and how many sockets are claimed or held.
//!
//! A hook enters before anything else; if there is no thread, it starts one. The
//! thread leaves only by changing "running, none" to "idle" in one step. So no
//! socket is ever handed to a thread that has left, and there are never two.
//! Nobody waits for anybody.
//!
//! Where no thread is to be had, others may have counted on it. Who failed to
//! start it looks for offers afterwards, and who offers looks whether the gate is
//! idle afterwards: one of the two takes the offer back.
//!
//! Context: any hook, and the drainer's thread; lock-free.

use crate::sync::{AtomicU32, SeqCst};

/// [`Phase`] in the lower two bits, sockets claimed or held above.
pub struct Gate(AtomicU32);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// No thread.
    Idle = 0,
    /// A hook is starting it.
    Starting = 1,
    /// There is one.
    Running = 2,
}

const PHASE: u32 = 3;
const ONE: u32 = 4;

impl Gate {
    /// No thread, nothing held.
    pub const fn new() -> Self {
        Self(AtomicU32::new(0))
    }

    /// Sockets claimed or held.
    pub fn held(&self) -> u32 {
        self.0.load(SeqCst) / ONE
    }

    /// Whether there is no thread and nothing is held.
    pub fn is_shut(&self) -> bool {
        self.0.load(SeqCst) == 0
    }

    /// Whether no thread is there, nor on its way.
    pub fn is_idle(&self) -> bool {
        self.0.load(SeqCst) & PHASE == Phase::Idle as u32
    }

    /// Whether a hook is starting one.
    pub fn is_starting(&self) -> bool {
        self.0.load(SeqCst) & PHASE == Phase::Starting as u32
    }

    /// Whether a thread is there.
    pub fn is_running(&self) -> bool {
        self.0.load(SeqCst) & PHASE == Phase::Running as u32
    }

    /// Counts one more socket, if `admit` lets it, which is told whether there is
    /// no thread yet, and how many are held. Answers whether the caller is to start the
    /// thread, which it `needs`, and to say whether it [`started`](Self::started).
    pub fn enter<E>(&self, needs: bool, admit: impl Fn(bool, u32) -> Result<(), E>) -> Result<bool, E> {
        let mut word = self.0.load(SeqCst);
        loop {
            let idle = word & PHASE == Phase::Idle as u32;
            admit(idle, word / ONE)?;
            let starts = idle && needs;
            let next = if starts { word + ONE + Phase::Starting as u32 } else { word + ONE };
            match self.0.compare_exchange(word, next, SeqCst, SeqCst) {
                Ok(_) => return Ok(starts),
                Err(now) => word = now,
            }
        }
    }

    /// The thread is there.
    pub fn started(&self) {
        self.set_phase(Phase::Running);
    }

    /// No thread is to be had, and the socket of the caller is not held.
    pub fn not_started(&self) {
        self.set_phase(Phase::Idle);
        self.one_less();
    }

    fn set_phase(&self, phase: Phase) {
        let update = |word| Some(word & !PHASE | phase as u32);
        let _ = self.0.fetch_update(SeqCst, SeqCst, update);
    }

    /// A socket is no longer held, or was not claimed after all.
    pub fn one_less(&self) {
        self.0.fetch_sub(ONE, SeqCst);
    }

    /// The thread leaves, unless something is held: the one step after which a hook
    /// starts a new thread.
    pub fn leave(&self) -> bool {
        self.0.compare_exchange(Phase::Running as u32, Phase::Idle as u32, SeqCst, SeqCst).is_ok()
    }

    /// In a fork child: neither came along.
    pub fn forget(&self) {
        self.0.store(0, SeqCst);
    }
}

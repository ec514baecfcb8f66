//! The looker's thread: what it does next, and how long it sleeps.
//!
//! Context: the thread itself; see [`super`].

use super::at_processes;
use super::at_threads;
use crate::drain::Drain;
use crate::drain::looker::Looker;
use crate::drain::looker::credit::Credit;
use crate::drain::looker::inquiries::Inquiries;
use crate::drain::looker::thread_looks::ThreadLooks;
use crate::holders::standing::Doubt;
use crate::sys::clock;
use crate::sys::table::{is_any_flushed, leave_table};
use core::sync::atomic::Ordering::SeqCst;

/// How long the thread stays without being asked, in microseconds. It should not be started too
/// often: each new thread has copies of what the program has open for some microseconds.
const STAY_US: u64 = 1_000_000;

/// The body of the thread.
pub extern "C" fn run(drain: &'static Drain) {
    let looker = &drain.looker;
    let (Some(looks), Some(inquiries)) = (looker.thread_looks(), looker.inquiries()) else { return };
    // A file system may not answer the close of a copy for long. The next thread tries again.
    let is_harmful = is_any_flushed();
    if is_harmful || leave_table().is_err() {
        looker.is_impossible.store(!is_harmful, SeqCst);
        looks.answer_nothing();
        inquiries.asked().into_iter().flatten().for_each(|asked| asked.answer(Some(Doubt::Unseen)));
        inquiries.notify();
        return drain.drainer.wakeup.notify();
    }
    let mut turns = Turns { drain, looks, inquiries, credit: Credit::default(), asked_at: 0 };
    while turns.turn() {}
}

struct Turns {
    drain: &'static Drain,
    looks: &'static ThreadLooks,
    inquiries: &'static Inquiries,
    credit: Credit,
    /// When a hook has last asked, in microseconds.
    asked_at: u64,
}

impl Turns {
    /// Answers the hooks, and looks at the threads or sleeps. False when the thread has to leave.
    fn turn(&mut self) -> bool {
        let looker = self.looker();
        let seen = looker.wakeup.count();
        if self.drain.demands.dismissals.is_any() {
            return false;
        }
        if self.is_asked() {
            at_processes::answer_all(self.drain, self.inquiries);
            self.asked_at = clock::microseconds();
        }
        let (is_out, is_idle) = (self.looks.is_out(), self.drain.drainer.gate.is_idle());
        match self.rest(is_out) {
            0 if is_idle || !is_out => return false,
            0 => {
                self.look();
                return true;
            }
            rest => looker.wakeup.sleep_micros(seen, rest),
        }
        is_idle || self.looks.is_out() || looker.wakeup.count() != seen || self.is_asked()
    }

    fn looker(&self) -> &'static Looker {
        &self.drain.looker
    }

    /// Whether a hook has asked for something.
    fn is_asked(&self) -> bool {
        self.looker().has_leak_tries() || self.inquiries.is_any()
    }

    fn look(&mut self) {
        let took = at_threads::look(self.drain, self.looks);
        self.drain.drainer.wakeup.notify();
        self.credit.charge(took, clock::microseconds());
    }

    /// How long to sleep, in microseconds. Without a drainer: until hooks have not asked for a while.
    /// With a look that is asked for: until it is paid for.
    fn rest(&self, is_out: bool) -> u64 {
        let now = clock::microseconds();
        if self.drain.drainer.gate.is_idle() {
            (self.asked_at + STAY_US).saturating_sub(now).min(self.longest_rest())
        } else if is_out {
            self.credit.rest(now)
        } else {
            self.longest_rest()
        }
    }

    /// How long to sleep until the next try to look for leaks; else until the thread leaves.
    fn longest_rest(&self) -> u64 {
        const FORK_US: u64 = 5000;
        if self.looker().has_leak_tries() { FORK_US } else { STAY_US }
    }
}

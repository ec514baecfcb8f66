//! The threads of ours are dismissed for a while: the program is about to make a call that a
//! process with a second thread cannot make (`unshare`), or that must act on every thread
//! (`setuid`).
//!
//! Context: any hook; waits, for half a second at most.

use super::Drain;
use super::demands::dismissals::Dismissals;
use super::wake::wake;
use crate::sys::clock::Millis;
use crate::sys::thread::is_known;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

/// There is no thread of ours as long as this lives.
#[must_use = "threads are started again when it is dropped"]
pub struct Dismissed(&'static Dismissals);

impl Drop for Dismissed {
    fn drop(&mut self) {
        self.0.end();
    }
}

impl Drain {
    /// Has our threads end what is held by plain closes, and leave; waits for that, for half a
    /// second at most. No thread is started until the answer is dropped.
    pub fn dismiss(&'static self) -> Dismissed {
        self.demands.dismissals.begin();
        self.await_dismissal();
        Dismissed(&self.demands.dismissals)
    }

    /// As [`Self::dismiss`], before a call that no hook sees return: no thread is started during
    /// the wait and for 20 milliseconds afterwards.
    pub fn dismiss_for_a_moment(&self) {
        const MOMENT_MS: u32 = 20;
        self.demands.dismissals.begin();
        self.await_dismissal();
        self.demands.dismissals.begin_for(MOMENT_MS);
        self.demands.dismissals.end();
    }

    fn await_dismissal(&self) {
        const PATIENCE_MS: u32 = 500;
        let deadline = Millis::now().plus(PATIENCE_MS);
        let in_time = || deadline.since(Millis::now()) != 0;
        let mut leaving = [None; 3];
        while self.is_any_thread_left() && in_time() {
            let seen = self.drainer.ended.count();
            leaving.iter_mut().zip(self.own_threads()).for_each(|(id, now)| *id = now.or(*id));
            wake(self);
            self.looker.notify();
            self.drainer.ended.sleep(seen, 1);
        }
        await_release(leaving, in_time);
    }

    /// Whether there is a thread of ours, or one may be about to start.
    fn is_any_thread_left(&self) -> bool {
        self.has_thread() || self.drainer.gate.is_starting() || self.looker.is_starting()
    }
}

/// Waits until the kernel has released the threads: it clears a thread's id a little before it
/// forgets the thread.
fn await_release(leaving: [Option<Pid>; 3], in_time: impl Fn() -> bool) {
    while leaving.iter().flatten().any(|&thread| is_known(thread)) && in_time() {
        rustix::thread::sched_yield();
    }
    // A thread that `tgkill` does not find any more may still share the signal handlers, for which
    // `unshare` fails. The kernel forgets both under one lock (`release_task`), which a call that
    // looks at children takes.
    let _ = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT);
}

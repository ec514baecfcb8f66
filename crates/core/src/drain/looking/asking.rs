//! The drainer and the hooks ask the looker, and start its thread.
//!
//! Context: any hook, and the drainer; async-signal-safe. Only [`Drain::inquire`] waits.

use super::turns;
use crate::drain::Drain;
use crate::holders::judge::{self, Scope};
use crate::holders::standing::Doubt;
use crate::sys::clock::Millis;
use crate::sys::{Fd, schedule, socket, thread};
use core::sync::atomic::Ordering::SeqCst;

/// Asks for a look at the program's threads, unless the last one told nothing and was short ago.
/// The drainer calls this again and again until the look is over, as the looker may be leaving
/// when it is asked.
pub fn ask_for_a_look(drain: &'static Drain) {
    let Some(looks) = drain.looker.thread_looks() else { return };
    if !looks.is_out() {
        if looks.pause_left(Millis::now()) != 0 {
            return;
        }
        looks.ask();
        drain.looker.notify();
    }
    if drain.looker.thread().is_none() && !drain.start_looker() {
        looks.answer_nothing();
    }
}

impl Drain {
    /// What speaks against `fd` being the only reference to its socket; `None`: it provably is the
    /// only one. Waits for a look at all processes, for 20 milliseconds at most. Signals have to be
    /// held back.
    pub fn inquire(&'static self, fd: Fd, scope: Scope) -> Option<Doubt> {
        let Ok(inode) = socket::inode(fd) else { return Some(Doubt::Unseen) };
        if judge::parent_has(fd, inode) {
            return Some(Doubt::Found);
        }
        match self.looker.inquiries().and_then(|inquiries| inquiries.ask(inode, scope)) {
            Some(question) => question.wait(|| self.wake_looker()),
            None => Some(Doubt::LookBudget),
        }
    }

    /// Has the looker look for connections that may have leaked into other processes, ahead of their
    /// closes.
    pub fn look_ahead(&'static self) {
        /// Each try may come to nothing, while a process is being made.
        const TRIES: u32 = 16;
        if self.may_look() {
            self.looker.leak_tries.store(TRIES, SeqCst);
            self.wake_looker();
        }
    }

    /// Whether this process can have a looker.
    pub fn may_look(&self) -> bool {
        !self.looker.is_impossible.load(SeqCst)
    }

    /// Wakes the looker, or starts it; it may be leaving when it is woken. False where there is none.
    fn wake_looker(&'static self) -> bool {
        self.looker.notify();
        self.looker.thread().is_some() || self.start_looker()
    }

    fn start_looker(&'static self) -> bool {
        self.looker.starting.fetch_add(1, SeqCst);
        let is_started = self.may_look() && !self.demands.dismissals.is_any() && self.try_start_looker().is_some();
        self.looker.starting.fetch_sub(1, SeqCst);
        is_started
    }

    fn try_start_looker(&'static self) -> Option<()> {
        let looker = &self.looker;
        looker.stack.with(|| 0, |_, stack| thread::spawn(stack, &looker.thread, turns::run, self)).ok()?;
        looker.thread().into_iter().for_each(|thread| schedule::as_at_start(thread, self.context.processors));
        Some(())
    }
}

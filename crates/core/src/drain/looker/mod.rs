//! What the looker shares with the drainer and the hooks, which ask it.
//!
//! The looker is a thread of ours that reads procfs: what the threads of the program are doing
//! (for the drainer), and which other processes have a connection (for hooks). Its own code is
//! in [`super::looking`].
//!
//! | file | one idea |
//! |---|---|
//! | [`look_number`] | looks are numbered, and compared by number |
//! | [`deeds`] | what one thread is doing to which descriptor numbers |
//! | [`number_uses`] | which numbers any thread reads or writes, and since which look |
//! | [`thread_records`] | what is remembered of each thread from look to look |
//! | [`thread_looks`] | asking for looks at threads, and what they tell |
//! | [`sighting`] | one look at threads while it is made |
//! | [`inquiries`] | questions of hooks: has another process this connection? |
//! | [`credit`] | how much of a processor looks may take |

pub mod credit;
pub mod deeds;
pub mod inquiries;
pub mod look_number;
pub mod number_uses;
pub mod sighting;
pub mod thread_looks;
pub mod thread_records;

use crate::holders::ledger::Ledger;
use crate::holders::ledger::leaks::{self, Leak};
use crate::sys::event_count::EventCount;
use crate::sys::region::Region;
use crate::sys::thread::ThreadId;
use crate::sys::thread_stack::ThreadStacks;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use inquiries::Inquiries;
use rustix::process::Pid;
use thread_looks::ThreadLooks;

/// The shared state of the looker. Async-signal-safe and lock-free.
pub struct Looker {
    thread_looks: Region<ThreadLooks>,
    inquiries: Region<Inquiries>,
    /// How often a look for leaks is still to be tried; 0: no hook has asked for one.
    pub leak_tries: AtomicU32,
    /// How many hooks are about to start the thread.
    pub starting: AtomicU32,
    /// Notified when there is something to do or to know.
    pub wakeup: EventCount,
    /// The thread, where there is one.
    pub thread: ThreadId,
    /// The memory for the thread's stack; its lock is only ever tried.
    pub stack: ThreadStacks<1>,
    /// The thread cannot have a descriptor table of its own: the kernel is older than 5.9, or
    /// a filter forbids the call.
    pub is_impossible: AtomicBool,
}

impl Looker {
    /// No thread, and no memory yet.
    pub const fn new() -> Self {
        Self {
            thread_looks: Region::new(),
            inquiries: Region::new(),
            leak_tries: AtomicU32::new(0),
            starting: AtomicU32::new(0),
            wakeup: EventCount::new(),
            thread: ThreadId::none(),
            stack: ThreadStacks::new(),
            is_impossible: AtomicBool::new(false),
        }
    }

    /// What the looks at threads have told; `None` where there is no memory for it.
    pub fn thread_looks(&self) -> Option<&ThreadLooks> {
        self.thread_looks.ensure(1).then(|| self.thread_looks.get(0)).flatten()
    }

    /// The questions of hooks; `None` where there is no memory for them.
    pub fn inquiries(&self) -> Option<&Inquiries> {
        self.inquiries.ensure(1).then(|| self.inquiries.get(0)).flatten()
    }

    /// Takes the connections that may have leaked into other processes, where a hook has asked
    /// for a look at them. While a process is being made there are none to be had, and the
    /// looker tries again later.
    pub fn take_leaks(&self, ledger: &Ledger) -> [Option<Leak>; leaks::MOST] {
        let tries = self.leak_tries.load(SeqCst);
        let leaked = if tries == 0 { None } else { ledger.leaked() };
        let left = if leaked.is_some() { 0 } else { tries.saturating_sub(1) };
        let _ = self.leak_tries.compare_exchange(tries, left, SeqCst, SeqCst);
        leaked.unwrap_or([None; leaks::MOST])
    }

    /// Whether a look for leaks is still to be tried.
    pub fn has_leak_tries(&self) -> bool {
        self.leak_tries.load(SeqCst) != 0
    }

    /// Whether a hook is about to start the thread.
    pub fn is_starting(&self) -> bool {
        self.starting.load(SeqCst) != 0
    }

    /// The id of the thread, where there is one.
    pub fn thread(&self) -> Option<Pid> {
        self.thread.get()
    }

    /// Wakes the thread, where there is one.
    pub fn notify(&self) {
        self.wakeup.notify();
    }

    /// To be called in a fork child, where there is no such thread.
    pub fn forget(&self) {
        self.thread.forget();
        self.wakeup.forget();
        self.is_impossible.store(false, SeqCst);
        self.thread_looks.get(0).into_iter().for_each(ThreadLooks::forget);
        self.inquiries.get(0).into_iter().for_each(Inquiries::forget);
        self.leak_tries.store(0, SeqCst);
        self.starting.store(0, SeqCst);
        self.stack.forget();
    }
}

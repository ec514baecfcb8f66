//! The drainer's epoll set, and until when the drainer sleeps there.
//!
//! The drainer announces that it is about to sleep, and looks for offers afterwards. A hook
//! offers, and looks afterwards whether the drainer sleeps. So one of the two sees the other,
//! and a hook that finds the drainer awake need not wake it.
//!
//! Context: any hook, and the drainer; async-signal-safe and lock-free.

use crate::drain::table::place::Place;
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::poller::Poller;
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst};

/// The drainer does not sleep in its set.
const AWAKE: u32 = 0;
/// The drainer is about to sleep, and has not computed yet for how long.
const UNSURE: u32 = u32::MAX;

/// The epoll set that the drainer sleeps in.
pub struct OwnSet {
    /// Its private number; -1: there is no set.
    number: AtomicI32,
    /// When the drainer wakes by itself, in milliseconds; or [`AWAKE`] or [`UNSURE`].
    wakes_at: AtomicU32,
    /// The link to a socket that is in the set as long as the drainer sleeps, and has room to
    /// write; 0: there is none.
    sentinel: AtomicU32,
}

impl OwnSet {
    /// No set.
    pub const fn new() -> Self {
        Self { number: AtomicI32::new(-1), wakes_at: AtomicU32::new(AWAKE), sentinel: AtomicU32::new(0) }
    }

    /// The number of the set, whatever is open there.
    pub fn number(&self) -> Option<Fd> {
        Fd::new(self.number.load(SeqCst))
    }

    /// The set, if its number still is one of ours; takes a system call.
    pub fn get(&self) -> Option<Poller> {
        Poller::verified(self.number()?)
    }

    /// Whether `fd` is the set; takes a system call only where it may be.
    #[inline]
    pub fn is(&self, fd: Fd) -> bool {
        fd.raw() == self.number.load(SeqCst) && self.get().is_some()
    }

    /// From now on this is the set.
    pub fn put(&self, set: Poller) {
        self.number.store(set.fd().raw(), SeqCst);
    }

    /// There is no set any more.
    pub fn unset(&self) {
        self.number.store(-1, SeqCst);
    }

    /// Whether the drainer sleeps in the set, or is about to.
    pub fn is_slept_in(&self) -> bool {
        self.wakes_at.load(SeqCst) != AWAKE
    }

    /// Whether the drainer would sleep beyond `due`, as far as is known.
    pub fn oversleeps(&self, due: Millis) -> bool {
        match self.wakes_at.load(SeqCst) {
            AWAKE => false,
            UNSURE => true,
            at => Millis(at).since(due) != 0,
        }
    }

    /// The drainer is about to sleep. From now on hooks wake it by an event of the sentinel.
    pub fn begin_sleep(&self, sentinel: Option<Place>) {
        self.sentinel.store(sentinel.map_or(0, Place::link), SeqCst);
        self.wakes_at.store(UNSURE, SeqCst);
    }

    /// The drainer will wake by itself then.
    pub fn sleeps_until(&self, then: Millis) {
        self.wakes_at.store(then.0, SeqCst);
    }

    /// The drainer is awake.
    pub fn end_sleep(&self) {
        self.wakes_at.store(AWAKE, SeqCst);
    }

    /// The sentinel of the last sleep.
    pub fn sentinel(&self) -> Option<Place> {
        Place::from_link(self.sentinel.load(SeqCst))
    }

    /// To be called in a fork child: there is no set, and no thread sleeps.
    pub fn forget(&self) {
        self.unset();
        self.end_sleep();
    }
}

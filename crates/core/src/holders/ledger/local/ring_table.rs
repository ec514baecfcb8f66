//! The rings that this process has, as far as hooks have seen.
//!
//! Context: hooks of any kind; lock-free.

use super::requests::{between, is_at_most, is_harmless};
use crate::sys::Fd;
use crate::sys::region::Region;
use crate::sys::ring;
use crate::sys::ring_memory::{NO_SQARRAY, Parameters, RingMemory, View};
use crate::sys::thread;
use crate::zeroed;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};

/// How many rings this process keeps account of; each thread of an event loop has one.
const MOST: usize = 64;

/// Flags that change neither which thread submits nor what, nor the size of an entry: CQSIZE, CLAMP,
/// SUBMIT_ALL, COOP_TASKRUN, TASKRUN_FLAG, SINGLE_ISSUER, DEFER_TASKRUN, NO_SQARRAY.
const KNOWN_FLAGS: u32 = 1 << 3 | 1 << 4 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 12 | 1 << 13 | NO_SQARRAY;
/// `IORING_FEAT_SINGLE_MMAP`: both queues lie in one mapping.
const SINGLE_MMAP: u32 = 1;

zeroed! {
    /// One ring of this process.
    pub struct Ring {
        /// Its descriptor, plus one; negative: a ring of the parent's; 0: no ring.
        pub(in crate::holders::ledger) number: AtomicI32,
        /// How many of its requests were looked at; wraps around.
        pub(in crate::holders::ledger) seen: AtomicU32,
        pub(in crate::holders::ledger) memory: RingMemory,
    }
}

impl Ring {
    /// Whether all requests that the kernel has taken were looked at, and those that are queued before number
    /// `end` are harmless.
    pub(in crate::holders::ledger) fn is_harmless(&self, view: &View<'_>, end: u32) -> bool {
        let (seen, taken) = (self.seen.load(SeqCst), view.taken());
        is_at_most(taken, seen) && between(taken, end, view).all(|at| view.request(at).is_some_and(is_harmless))
    }

    fn is(&self, fd: Fd) -> bool {
        self.number.load(SeqCst).unsigned_abs() == fd.raw() as u32 + 1
    }
}

zeroed! {
    /// The thread that has made or used a ring which hooks have seen; the latest of the threads that share this
    /// place.
    struct RingThread(AtomicU32);
}

/// For how many threads that is known, if their numbers differ.
const THREADS: usize = 4096;

/// All rings of this process, as far as hooks have seen.
pub struct Rings {
    table: Region<Ring>,
    threads: Region<RingThread>,
    /// How many rings are being made: the kernel may have given one a number already.
    pub(in crate::holders::ledger) making: AtomicU32,
    /// One more than the highest place that was ever taken.
    pub(in crate::holders::ledger) end: AtomicU32,
    pub(in crate::holders::ledger) is_any: AtomicBool,
    pub(in crate::holders::ledger) is_any_inherited: AtomicBool,
    pub(in crate::holders::ledger) is_any_harmful: AtomicBool,
}

impl Rings {
    /// No ring.
    pub const fn new() -> Self {
        let [is_any, is_any_inherited, is_any_harmful] = [const { AtomicBool::new(false) }; 3];
        Self {
            table: Region::new(),
            threads: Region::new(),
            making: AtomicU32::new(0),
            end: AtomicU32::new(0),
            is_any,
            is_any_inherited,
            is_any_harmful,
        }
    }

    /// Whether this process has had a harmless ring: then rings that no hook has seen are looked for.
    pub fn is_any(&self) -> bool {
        self.is_any.load(SeqCst)
    }

    /// Whether `fd` is a ring that a hook has seen.
    pub fn knows(&self, fd: Fd) -> bool {
        self.is_any() && self.find(fd).is_some()
    }

    /// Whether `fd` is a ring that no hook has seen. To be asked only where [`Rings::is_any`].
    pub fn is_unseen(&self, fd: Fd) -> bool {
        !self.knows(fd) && ring::is_one(fd)
    }

    /// Whether the thread has made or used a ring that hooks have seen.
    pub fn is_used_by(&self, thread: u32) -> bool {
        self.is_any() && self.threads.get(thread as usize % THREADS).is_some_and(|entry| entry.0.load(SeqCst) == thread)
    }

    pub(in crate::holders::ledger) fn note_thread(&self) {
        let thread = thread::number();
        if let Some(entry) = self.threads.get(thread as usize % THREADS) {
            entry.0.store(thread, SeqCst);
        }
    }

    /// Whether a ring may have a number that no hook knows yet.
    pub fn is_any_being_made(&self) -> bool {
        self.making.load(SeqCst) != 0
    }

    /// Whether there is a ring that only the parent of this process can follow.
    pub fn has_inherited(&self) -> bool {
        self.is_any_inherited.load(SeqCst)
    }

    pub(in crate::holders::ledger) fn all(&self) -> impl Iterator<Item = &Ring> {
        self.first(self.end.load(SeqCst) as usize)
    }

    fn first(&self, count: usize) -> impl Iterator<Item = &Ring> {
        (0..count).filter_map(|at| self.table.get(at))
    }

    pub(in crate::holders::ledger) fn find(&self, fd: Fd) -> Option<&Ring> {
        self.all().find(|ring| ring.is(fd))
    }

    pub(in crate::holders::ledger) fn are_harmless(&self) -> bool {
        self.all().all(|ring| ring.memory.view().is_none_or(|view| ring.is_harmless(&view, view.written())))
    }

    /// Notes ring `fd`; answers whether it can be followed from now on.
    pub(in crate::holders::ledger) fn made(&self, fd: Fd, parameters: &Parameters) -> bool {
        let can_be = parameters.flags & !KNOWN_FLAGS == 0 && parameters.features & SINGLE_MMAP != 0;
        if !can_be || !self.table.ensure(MOST) || !self.threads.ensure(THREADS) {
            return false;
        }
        self.find(fd).into_iter().for_each(|stale| self.forget(stale));
        self.note_thread();
        self.first(MOST).enumerate().any(|(place, ring)| self.take(place, ring, fd, parameters))
    }

    /// False where the place is taken, or another thread still reads what was there before.
    fn take(&self, place: usize, ring: &Ring, fd: Fd, parameters: &Parameters) -> bool {
        if ring.number.compare_exchange(0, fd.raw() + 1, SeqCst, SeqCst).is_err() {
            return false;
        }
        ring.seen.store(0, SeqCst);
        let is_filled = ring.memory.fill(fd, parameters);
        if is_filled {
            self.end.fetch_max(place as u32 + 1, SeqCst);
        } else {
            ring.number.store(0, SeqCst);
        }
        is_filled
    }

    pub(in crate::holders::ledger) fn forget(&self, ring: &Ring) {
        ring.memory.close();
        ring.number.store(0, SeqCst);
        self.is_any_inherited.store(self.all().any(|ring| ring.number.load(SeqCst) < 0), SeqCst);
    }

    /// In a fork child, which has the numbers of the rings, and none of their memory.
    pub fn become_child(&self) {
        for ring in self.all() {
            let number = ring.number.load(SeqCst);
            ring.number.store(-number.abs(), SeqCst);
            ring.memory.forget();
            self.is_any_inherited.fetch_or(number != 0, SeqCst);
        }
        self.making.store(0, SeqCst);
    }
}

//! Looks at the threads of the program: asking for them, and what they tell.
//!
//! One look goes through all threads and serves every socket that waits. It notes for each
//! descriptor number whether a blocked call reads from it or writes to it, and since which look.
//! A call on the closed number that the first look after the close finds may have begun before
//! the close. Or it is on what the program has opened under that number since. A call that
//! began after that look is on the latter.
//!
//! A look cannot tell in which call a *running* thread is. Mostly the next look finds the
//! thread blocked, or finds that it has had processor time meanwhile: a reader that was woken
//! would have taken what was queued by then, a writer would have added to what it writes. Only
//! as long as the thread has had none, it may still be inside a call on the closed number.
//! [`ThreadLooks::saw`] waits for all such threads, and so gives the same answer on a machine
//! where nothing moves for a while.
//!
//! Context: the looker writes while a look is out; the drainer reads when none is.

use super::look_number::{LookNumber, is_after};
use super::number_uses::NumberUses;
use super::thread_records::ThreadRecords;
use crate::holders::calls::Deed;
use crate::sys::clock::Millis;
use crate::zeroed;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed, Ordering::SeqCst};

/// Where the kernel tells nothing, no look is asked for during so many milliseconds.
const BLIND_PAUSE_MS: u32 = 1000;

/// What the looks tell about threads that may be using a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Saw {
    /// Not yet known: no look has begun since, or a thread that was running has had no
    /// processor time since.
    NotYet,
    /// No thread is.
    Nobody,
    /// A thread is blocked in such a call on this number: on this socket, or on what has the
    /// number now.
    Somebody,
    /// The kernel does not tell of all threads.
    Unknown,
}

zeroed! {
    /// What looker and drainer share about the threads of the program.
    pub struct ThreadLooks {
        asked: AtomicU32,
        begun: AtomicU32,
        answered: AtomicU32,
        /// A running thread has had no processor time since this look.
        pub(super) stalled_since: AtomicU32,
        is_blind: AtomicU32,
        pub(super) has_hidden: AtomicU32,
        paused_until: AtomicU32,
        /// By the discriminant of [`Deed`].
        pub(super) uses: [NumberUses; 3],
        pub(super) records: ThreadRecords,
    }
}

impl ThreadLooks {
    /// The number of the next look to begin: what was noted before is older than it.
    pub fn next(&self) -> LookNumber {
        self.begun.load(SeqCst).wrapping_add(1)
    }

    /// The number of the last look that is over.
    pub fn latest(&self) -> LookNumber {
        self.answered.load(SeqCst)
    }

    /// Whether a look is asked for and not over.
    pub fn is_out(&self) -> bool {
        self.asked.load(SeqCst) != self.latest()
    }

    /// Asks for a look.
    pub fn ask(&self) {
        self.asked.fetch_add(1, SeqCst);
    }

    /// Milliseconds until the next look may be asked for; 0 unless the last one could not tell.
    pub fn pause_left(&self, now: Millis) -> u32 {
        Millis(self.paused_until.load(SeqCst)).since(now)
    }

    /// What the looks from `since` on tell about threads that do this to `number`.
    pub fn saw(&self, since: LookNumber, deed: Deed, number: u64) -> Saw {
        let is_blind = self.is_blind.load(Relaxed) != 0;
        let is_used = || self.uses.get(deed as usize).is_none_or(|uses| uses.is_used_since(number as usize, since));
        match self.latest() {
            _ if is_blind && self.pause_left(Millis::now()) != 0 => Saw::Unknown,
            latest if is_after(since, latest) => Saw::NotYet,
            _ if is_blind => Saw::Unknown,
            _ if self.has_hidden() || is_used() => Saw::Somebody,
            _ if self.is_stalled(since) => Saw::NotYet,
            _ => Saw::Nobody,
        }
    }

    /// Whether a thread sleeps in a call of which the kernel does not tell: the call may be on
    /// any number.
    pub fn has_hidden(&self) -> bool {
        self.has_hidden.load(Relaxed) != 0
    }

    /// Whether a thread that look `since` found running has had no processor time since.
    pub fn is_stalled(&self, since: LookNumber) -> bool {
        !is_after(self.stalled_since.load(Relaxed), since)
    }

    /// Answers that nothing can be known: no looker can look.
    pub fn answer_nothing(&self) {
        let look = self.begin();
        self.answer(look, true);
    }

    /// The look that was asked for begins; answers its number.
    pub(super) fn begin(&self) -> LookNumber {
        let look = self.asked.load(SeqCst);
        self.begun.store(look, SeqCst);
        look
    }

    /// The look is over. `is_blind`: it could not tell of all threads.
    pub(super) fn answer(&self, look: LookNumber, is_blind: bool) {
        let pause_ms = if is_blind { BLIND_PAUSE_MS } else { 0 };
        self.is_blind.store(u32::from(is_blind), Relaxed);
        self.paused_until.store(Millis::now().plus(pause_ms).0, SeqCst);
        self.answered.store(look, SeqCst);
    }

    /// To be called in a fork child: no look is out, and no thread has a record. The number
    /// jumps by two, so that no record is that of the look before.
    pub fn forget(&self) {
        self.asked.fetch_add(2, SeqCst);
        let look = self.begin();
        self.answer(look, false);
    }
}

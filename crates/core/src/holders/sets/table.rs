//! Which numbers of this process are epoll sets, or may be.
//!
//! A program may make and fill an epoll set by a raw system call, which no hook sees. So any connection
//! may be in any set, and softclose takes it out of every number that may be one ([`Sets::search`]).
//! Where hooks have seen all of its sets, only a few of the known sets are asked
//! ([`Sets::search_extent`]). In a server without such hidden sets that must cost next to nothing. Two facts make
//! the search short:
//!
//! - A number that was found not to be a set is none until it is closed, and hooks see closes. Such a
//!   number is *plain*.
//! - The kernel gives out the lowest free number. A number that was free at a search, that no hook has
//!   seen in use since, and that is free now, was free all the time. So nothing beyond it can have been
//!   opened since: the search ends there.
//!
//! A missing bit costs a system call, a wrong bit hides a set. So the bits that a search relies on are
//! cleared before the program's own call that closes a number, and once more after it, as a search on
//! another thread may have set them again in between.
//!
//! libc also opens and closes numbers inside itself, without a hook (`getaddrinfo`, `closedir`). Such
//! numbers are not open for long. So in a program with threads a number is plain once it was found so
//! for a second; and a search ends only at the second number that was free all the time.
//!
//! What remains hidden: a set that was made by a raw system call under a number that was closed without a
//! hook, also one of softclose's own numbers.
//!
//! Context: hooks of any kind; lock-free. [`Sets::ending`] may be called in a `vfork` child: in its
//! parent's memory it only makes the parent ask again.

use super::block::{BITS, Block, bit, clear_bits, first_bit};
use super::membership::Generation;
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::region::Region;
use crate::zeroed;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};

/// How many known sets are asked at each close.
pub(super) const FEW: u32 = 8;
/// How many numbers beyond the known end a closed range may have added, if it has an end.
const FAR: u32 = 1024;
/// For how long a number must be found plain, in a program with threads.
pub(super) const SETTLED_MS: u32 = 1000;

zeroed! {
    /// Which thread has waited for events of a set under this number.
    struct Waiter(AtomicU32);
}

/// More than one thread has waited.
const SEVERAL: u32 = u32::MAX;

/// What is known of all numbers.
pub struct Sets {
    /// The numbers below 64; they lie in a page that a process writes to anyway.
    near: Block,
    /// All other numbers. There are places for the near ones too.
    far: Region<Block>,
    waiters: Region<Waiter>,
    /// One more than the highest number that was ever seen in use.
    pub(super) end: AtomicU32,
    generation: AtomicU32,
    /// The number from which on the last search asked none, as its budget was spent; `u32::MAX`: it asked all.
    pub(super) asked_to: AtomicU32,
    /// A search that may set bits of [`Block::free`] is under way.
    pub(super) searching: AtomicBool,
    /// When a search last looked for numbers that stay plain, in [`Millis`].
    pub(super) settled: AtomicU32,
    /// A search has found a set that no hook had seen.
    pub(super) has_unseen: AtomicBool,
    /// A connection was in a set, and no hook had seen it being put there.
    are_filled_unseen: AtomicBool,
    /// When all known sets were last asked, in [`Millis`].
    asked: AtomicU32,
    /// A set may watch an uncounted connection under a number that was closed.
    has_left_behind: AtomicBool,
}

/// Which numbers a search asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchExtent {
    /// All numbers that may be a set.
    All,
    /// A few of the known sets, and all other numbers that may be a set.
    Few,
}

impl Sets {
    /// Nothing is known.
    pub const fn new() -> Self {
        Self {
            near: Block::new(),
            far: Region::new(),
            waiters: Region::new(),
            end: AtomicU32::new(0),
            generation: AtomicU32::new(1),
            asked_to: AtomicU32::new(u32::MAX),
            searching: AtomicBool::new(false),
            settled: AtomicU32::new(0),
            has_unseen: AtomicBool::new(false),
            are_filled_unseen: AtomicBool::new(false),
            asked: AtomicU32::new(0),
            has_left_behind: AtomicBool::new(false),
        }
    }

    /// Maps room for numbers below `len`.
    pub fn ensure(&self, len: usize) -> bool {
        self.waiters.ensure(len) && self.far.ensure(len.div_ceil(BITS as usize))
    }

    /// Thread number `thread` is about to wait for events of `set`. No hook need have seen that being made: a program may
    /// have got it when it was executed, under a number beyond all that are known.
    pub fn waits(&self, set: Fd, thread: u32) {
        let Some(Waiter(word)) = self.waiters.get(set.index()) else { return };
        let known = word.load(SeqCst);
        if known == thread || known == SEVERAL {
            return;
        }
        self.used(set);
        let is_first = known == 0 && word.compare_exchange(0, thread, SeqCst, SeqCst).is_ok();
        if !is_first {
            word.store(SEVERAL, SeqCst);
        }
    }

    /// Thread number `thread` gives up `fd`. Answers whether `fd` is a set and another thread has waited for
    /// its events. Such a thread may sleep in `epoll_wait` and go on using the set without a number (`fdget`):
    /// then nobody can leave the set any more. What is noted is forgotten with the number.
    pub fn may_be_waited_for(&self, fd: Fd, thread: u32) -> bool {
        let is_others = |word: &Waiter| ![0, thread].contains(&word.0.swap(0, SeqCst));
        self.is_set(fd) && self.waiters.get(fd.index()).is_none_or(is_others)
    }

    pub(super) fn block(&self, number: u32) -> Option<&Block> {
        if number < BITS { Some(&self.near) } else { self.far.get((number / BITS) as usize) }
    }

    /// `fd` has just come into use.
    pub fn opened(&self, fd: Fd) {
        self.ending(fd);
    }

    /// `fd` has just come into use, and is a TCP socket.
    pub fn opened_plain(&self, fd: Fd) {
        self.ending(fd);
        self.set(fd, |block| &block.plain);
    }

    /// softclose has put a connection under `fd`, and says by [`Sets::ended`] when it ends: a search need not
    /// ask all numbers that are held.
    pub fn occupied(&self, fd: Fd) {
        self.ended(fd);
        self.set(fd, |block| &block.plain);
    }

    /// The program is about to close `fd`, which is open.
    pub fn ending(&self, fd: Fd) {
        self.grow(fd);
        let number = fd.raw() as u32;
        if let Some(block) = self.block(number) {
            block.forget(bit(number));
        }
    }

    /// The program has just closed `fd`, or softclose is about to. Another thread may have made a set of its own
    /// under that number since.
    pub fn ended(&self, fd: Fd) {
        let number = fd.raw() as u32;
        if let Some(block) = self.block(number) {
            block.forget_found(bit(number));
        }
    }

    pub(super) fn grow(&self, fd: Fd) {
        let end = fd.raw() as u32 + 1;
        if self.end.load(SeqCst) < end {
            self.end.fetch_max(end, SeqCst);
        }
    }

    /// The program is about to close all numbers from `first` to `last`, open or not. A range without an end
    /// (`u32::MAX`) leaves nothing open beyond.
    pub fn ending_range(&self, first: u32, last: u32) {
        let end = self.end.load(SeqCst);
        if last >= end && last - end < FAR {
            self.end.fetch_max(last + 1, SeqCst);
        }
        let last = last.min(self.end.load(SeqCst));
        let mut number = first;
        while number <= last {
            let up_to = last.min(number | (BITS - 1));
            let mask = (u64::MAX << (number % BITS)) & (u64::MAX >> (BITS - 1 - up_to % BITS));
            if let Some(block) = self.block(number) {
                block.forget(mask);
            }
            number = up_to + 1;
        }
    }

    /// This process has made `fd`, an epoll set. `alone` is asked afterwards, and says whether no other process
    /// has it.
    pub fn made(&self, fd: Fd, alone: impl Fn() -> bool) {
        self.opened(fd);
        self.waiters.get(fd.index()).into_iter().for_each(|word| word.0.store(0, SeqCst));
        self.set(fd, |block| &block.set);
        self.set(fd, |block| &block.own);
        // After the bit is set: a thread that shares all sets either clears it, or is seen here.
        if !alone() {
            self.clear(fd, |block| &block.own);
        }
    }

    /// `new` is a duplicate of `old`. It need not be the lowest free number. So where `old` may be a set that no hook has
    /// seen, what searches have found free below `new` no longer says that there is nothing beyond.
    pub fn duplicated(&self, old: Fd, new: Fd) {
        self.opened(new);
        if self.is_set(old) {
            self.set(new, |block| &block.set);
        } else if !self.has(old, |block| &block.plain) {
            self.forget_free(0..new.raw() as u32);
        }
        if self.has(old, |block| &block.own) {
            self.set(new, |block| &block.own);
        }
    }

    /// The program uses `fd` as an epoll set.
    pub fn used(&self, fd: Fd) {
        if !self.has(fd, |block| &block.set) {
            self.grow(fd);
            self.clear(fd, |block| &block.plain);
            self.set(fd, |block| &block.set);
        }
    }

    /// Whether a hook or a search has seen that `fd` is a set.
    pub fn is_set(&self, fd: Fd) -> bool {
        self.has(fd, |block| &block.set)
    }

    /// The generation of this moment, if no other process has `set`.
    pub fn alone(&self, set: Fd) -> Option<Generation> {
        // In this order: a thread that shares the set in between begins another generation.
        let now = self.generation();
        self.has(set, |block| &block.own).then_some(now)
    }

    /// The generation of this moment.
    pub fn generation(&self) -> Generation {
        Generation(self.generation.load(SeqCst))
    }

    /// Another process has, or is about to get, all sets of this one.
    pub fn share(&self) {
        self.generation.fetch_add(1, SeqCst);
        for number in (0..self.end.load(SeqCst)).step_by(BITS as usize) {
            if let Some(block) = self.block(number) {
                clear_bits(&block.own, u64::MAX);
            }
        }
    }

    /// Whether a thread other than number `thread` may be waiting for a set of the range.
    pub fn any_waited_for(&self, first: u32, last: u32, thread: u32) -> bool {
        let mut from = first;
        while let Some(set) = self.next_set(from).filter(|set| set.raw() as u32 <= last) {
            if self.may_be_waited_for(set, thread) {
                return true;
            }
            from = set.raw() as u32 + 1;
        }
        false
    }

    /// In a fork child, whose parent has the same sets.
    pub fn become_child(&self) {
        self.share();
        // Another thread of the parent was in the middle of a search: what that has found is not whole.
        if self.searching.swap(false, SeqCst) {
            self.forget_free(0..u32::MAX);
        }
    }

    /// Forgets what searches have found: each number is asked once more.
    pub fn look_again(&self) {
        for number in (0..self.end.load(SeqCst)).step_by(BITS as usize) {
            self.block(number).into_iter().for_each(|block| block.forget_found(u64::MAX));
        }
    }

    /// Whether a search has found a set that no hook had seen.
    pub fn has_unseen(&self) -> bool {
        self.has_unseen.load(SeqCst)
    }

    /// A connection was in a set, and no hook had seen it being put there.
    pub fn filled_unseen(&self) {
        self.are_filled_unseen.store(true, SeqCst);
    }

    /// How far to search for the sets of a connection if hooks have seen all of them. The program may fill sets by
    /// raw system calls as well. To ask many sets at each close takes long, and waits for threads that use
    /// them. So that is done once in a while, until a connection was found in such a set.
    pub fn search_extent(&self) -> SearchExtent {
        let is_due = || is_due(&self.asked);
        if self.are_filled_unseen.load(SeqCst) || is_due() { SearchExtent::All } else { SearchExtent::Few }
    }

    /// A set may go on watching a closed number of an uncounted connection.
    pub fn leave_behind(&self) {
        self.has_left_behind.store(true, SeqCst);
    }

    /// Whether [`Sets::leave_behind`] was called.
    pub fn has_left_behind(&self) -> bool {
        self.has_left_behind.load(SeqCst)
    }

    pub(super) fn next_set(&self, from: u32) -> Option<Fd> {
        let mut number = from;
        while number < self.end.load(SeqCst) {
            match first_bit(self.block(number)?.set.load(SeqCst), number) {
                Some(found) => return Fd::new(found as i32),
                None => number = (number | (BITS - 1)) + 1,
            }
        }
        None
    }

    pub(super) fn has(&self, fd: Fd, word: impl Fn(&Block) -> &AtomicU64) -> bool {
        let number = fd.raw() as u32;
        self.block(number).is_some_and(|block| word(block).load(SeqCst) & bit(number) != 0)
    }

    /// Sets the bit; answers whether it was set before.
    pub(super) fn set(&self, fd: Fd, word: impl Fn(&Block) -> &AtomicU64) -> bool {
        let number = fd.raw() as u32;
        self.block(number).is_some_and(|block| word(block).fetch_or(bit(number), SeqCst) & bit(number) != 0)
    }

    pub(super) fn clear(&self, fd: Fd, word: impl Fn(&Block) -> &AtomicU64) {
        let number = fd.raw() as u32;
        if let Some(block) = self.block(number) {
            clear_bits(word(block), bit(number));
        }
    }
}

/// Whether it was never done, or more than [`SETTLED_MS`] ago; then it counts as done now.
pub(super) fn is_due(last: &AtomicU32) -> bool {
    let (now, before) = (Millis::now(), last.load(SeqCst));
    let is_due = before == 0 || now.since(Millis(before)) >= SETTLED_MS;
    if is_due {
        last.store(now.0.max(1), SeqCst);
    }
    is_due
}

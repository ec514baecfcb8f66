//! Which numbers of this process are epoll sets, or may be.
//!
//! A program may make and fill a set by a raw system call, which no hook sees. So any
//! connection may be in any set: it is
//! taken out of every number that may be one ([`Sets::search`]); where hooks have seen
//! all of its sets, of those that are known out of a few ([`Sets::extent`]). That must cost
//! next to nothing in a server that has no such sets. Two facts make it short:
//!
//! - A number that was seen not to be a set is none until it is closed, and closes
//!   are seen. It is *plain*.
//! - The kernel gives out the lowest free number. A number that was free at a search,
//!   and that no hook has seen in use since, was free all the time if it is free now.
//!   So nothing beyond it can have been opened since: the search ends there.
//!
//! A bit that says less than is true costs a system call, a bit that says more hides a set.
//! So the bits on which a search goes by are cleared before the program's own call that
//! closes a number, and once more after it, as a search on another thread may have set
//! them again in between.
//!
//! libc also opens and closes numbers inside itself (`getaddrinfo`, `closedir`), past every
//! hook. Such numbers are not open for long: in a program with threads a number is plain
//! when it was so for a second; and a search ends at the second number that was free all
//! the time.
//!
//! What remains: a set that was made by a raw system call under a number that was closed
//! past every hook, one of softclose's own included.
//!
//! Context: hooks of any kind; lock-free. [`Sets::ending`] may be called in a `vfork`
//! child: on its parent's memory it only makes the parent look again.

use super::block::{BITS, Block, bit, clear_bits, first_bit};
use super::membership::Generation;
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::region::Region;
use crate::zeroed;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};

/// So many known sets are asked at each close.
pub(super) const FEW: u32 = 8;
/// So many numbers may be closed unseen in a range that has an end.
const FAR: u32 = 1024;
/// A number is plain, in a program with threads, when it was so for so long.
pub(super) const SETTLED_MS: u32 = 1000;

zeroed! {
    /// Which thread has waited for events of a set under this number.
    struct Waiter(AtomicU32);
}

/// More than one thread has.
const SEVERAL: u32 = u32::MAX;

/// All numbers.
pub struct Sets {
    /// The numbers below 64, which lie in the page that a process writes to anyway.
    near: Block,
    /// All others; it has a place for the near ones too.
    far: Region<Block>,
    waiters: Region<Waiter>,
    /// One more than the highest number that was ever seen in use.
    pub(super) end: AtomicU32,
    generation: AtomicU32,
    /// A search is under way that may set bits of [`Block::free`].
    pub(super) searching: AtomicBool,
    /// When a search last looked for numbers that stay plain, in [`Millis`].
    pub(super) settled: AtomicU32,
    /// A search has found a set that no hook had seen.
    pub(super) has_unseen: AtomicBool,
    /// A connection was in a set that no hook had seen it being put into.
    are_filled_unseen: AtomicBool,
    /// When all were last asked, in [`Millis`].
    asked: AtomicU32,
    /// A set may watch a connection that is not counted under a number that was closed.
    has_left_behind: AtomicBool,
}

/// Which numbers a search asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchExtent {
    /// All that may be a set.
    All,
    /// Of those that are known to be one a few.
    Few,
}

impl Sets {
    /// Nothing known.
    pub const fn new() -> Self {
        Self {
            near: Block::new(),
            far: Region::new(),
            waiters: Region::new(),
            end: AtomicU32::new(0),
            generation: AtomicU32::new(1),
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

    /// The thread is about to wait for events of `set`.
    pub fn waits(&self, set: Fd, thread: u32) {
        let Some(Waiter(word)) = self.waiters.get(set.index()) else { return };
        let known = word.load(SeqCst);
        if known == thread || known == SEVERAL {
            return;
        }
        let is_first = known == 0 && word.compare_exchange(0, thread, SeqCst, SeqCst).is_ok();
        if !is_first {
            word.store(SEVERAL, SeqCst);
        }
    }

    /// The thread gives up a number. If it is a set, a thread that sleeps in `epoll_wait` goes
    /// on using it without a number (`fdget`), and nobody can leave it any more. Whether any
    /// other one has waited for it; what comes under the number next is another matter.
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

    /// softclose has put a connection under `fd`, and says when that [ends](Self::ended): a
    /// search need not ask each of what is held.
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

    /// The program has just closed `fd`, or softclose is about to. Another thread may have made
    /// a set of its own there since.
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

    /// The same for all numbers from `first` to `last`, whether they are open or not. Of a
    /// range without an end nothing is left beyond.
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

    /// This process has made `fd`, an epoll set; `alone` says afterwards whether it is in
    /// no other process.
    pub fn made(&self, fd: Fd, alone: impl Fn() -> bool) {
        self.opened(fd);
        self.waiters.get(fd.index()).into_iter().for_each(|word| word.0.store(0, SeqCst));
        self.set(fd, |block| &block.set);
        self.set(fd, |block| &block.own);
        // After the bit is set: whoever shares all sets clears it, or is seen here.
        if !alone() {
            self.clear(fd, |block| &block.own);
        }
    }

    /// `new` is a duplicate of `old`.
    pub fn duplicated(&self, old: Fd, new: Fd) {
        self.opened(new);
        if self.has(old, |block| &block.set) {
            self.set(new, |block| &block.set);
        }
        if self.has(old, |block| &block.own) {
            self.set(new, |block| &block.own);
        }
    }

    /// The program uses `fd` as an epoll set.
    pub fn used(&self, fd: Fd) {
        if !self.has(fd, |block| &block.set) {
            self.clear(fd, |block| &block.plain);
            self.set(fd, |block| &block.set);
        }
    }

    /// Whether a hook, or a search, has seen `fd` to be a set.
    pub fn is_set(&self, fd: Fd) -> bool {
        self.has(fd, |block| &block.set)
    }

    /// The generation of now, if `set` is in no other process.
    pub fn alone(&self, set: Fd) -> Option<Generation> {
        // In this order: whoever shares it in between begins another generation.
        let now = self.generation();
        self.has(set, |block| &block.own).then_some(now)
    }

    /// The generation of now.
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

    /// The first set of the range that others may be waiting for.
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

    /// In a fork child.
    pub fn become_child(&self) {
        self.share();
        self.searching.store(false, SeqCst);
    }

    /// What a search has found is not known any more: it is asked once more of each number.
    pub fn look_again(&self) {
        for number in (0..self.end.load(SeqCst)).step_by(BITS as usize) {
            self.block(number).into_iter().for_each(|block| block.forget_found(u64::MAX));
        }
    }

    /// Whether a search has found a set that no hook had seen.
    pub fn has_unseen(&self) -> bool {
        self.has_unseen.load(SeqCst)
    }

    /// A connection was in a set that no hook had seen it being put into.
    pub fn filled_unseen(&self) {
        self.are_filled_unseen.store(true, SeqCst);
    }

    /// How far to look for a connection all of whose sets are known, as far as hooks have
    /// seen. Its program may fill sets by raw system calls, too. To ask many at
    /// each close takes long, and waits for who is using them; so that is
    /// done once in a while, until one such connection was found.
    pub fn search_extent(&self) -> SearchExtent {
        let is_due = || is_due(&self.asked);
        if self.are_filled_unseen.load(SeqCst) || is_due() { SearchExtent::All } else { SearchExtent::Few }
    }

    /// A set may go on watching a number of a connection that is not counted.
    pub fn leave_behind(&self) {
        self.has_left_behind.store(true, SeqCst);
    }

    /// Whether one may.
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

    /// Answers whether it was set before.
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

/// Whether it was never done, or a while ago; then it counts as done now.
pub(super) fn is_due(last: &AtomicU32) -> bool {
    let (now, before) = (Millis::now(), last.load(SeqCst));
    let is_due = before == 0 || now.since(Millis(before)) >= SETTLED_MS;
    if is_due {
        last.store(now.0.max(1), SeqCst);
    }
    is_due
}

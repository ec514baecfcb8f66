//! Which numbers of this process are epoll sets, or may be.
//!
//! A program may make and fill a set by a raw system call, which no hook sees. So any
//! connection may be in any set: it is
//! taken out of every number that may be one ([`Sets::search`]); where hooks have seen
//! all of its sets, of those that are known out of a few ([`Sets::reach`]). That must cost
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

use super::membership::Generation;
use crate::sys::Fd;
use crate::sys::clock::{Budget, Millis};
use crate::sys::region::Region;
use crate::zeroed;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};

zeroed! {
    /// What is known of 64 numbers, a bit for each.
    struct Block {
        /// Open, and no epoll set.
        plain: AtomicU64,
        /// The same, as one search has found; see [`Sets::may_settle`].
        was_plain: AtomicU64,
        /// Free at the last search, and not seen in use since.
        free: AtomicU64,
        /// An epoll set, or one until lately.
        set: AtomicU64,
        /// A set that this process has made, and that no other one can have.
        own: AtomicU64,
    }
}

impl Block {
    const fn new() -> Self {
        let [plain, was_plain, free, set, own] = [const { AtomicU64::new(0) }; 5];
        Self { plain, was_plain, free, set, own }
    }
}

/// What is known of a number that is closed.
impl Block {
    fn forget(&self, mask: u64) {
        self.forget_found(mask);
        clear_bits(&self.own, mask);
    }

    /// Of that what a search finds.
    fn forget_found(&self, mask: u64) {
        for word in [&self.plain, &self.was_plain, &self.free] {
            clear_bits(word, mask);
        }
    }
}

const BITS: u32 = u64::BITS;
/// A search ends at so many numbers that were free all the time.
const ENOUGH: u32 = 2;
/// So many known sets are asked at each close.
const FEW: u32 = 8;
/// So many numbers may be closed unseen in a range that has an end.
const FAR: u32 = 1024;
/// A number is plain, in a program with threads, when it was so for so long.
const SETTLED_MS: u32 = 1000;

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
    end: AtomicU32,
    generation: AtomicU32,
    /// A search is under way that may set bits of [`Block::free`].
    searching: AtomicBool,
    /// When a search last looked for numbers that stay plain, in [`Millis`].
    settled: AtomicU32,
    /// A search has found a set that no hook had seen.
    has_unseen: AtomicBool,
    /// A connection was in a set that no hook had seen it being put into.
    are_filled_unseen: AtomicBool,
    /// When all were last asked, in [`Millis`].
    asked: AtomicU32,
    /// A set may watch a connection that is not counted under a number that was closed.
    has_left_behind: AtomicBool,
}

/// What a number turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Not open.
    Free,
    /// Open, and no epoll set.
    Plain,
    /// An epoll set of the program's.
    Set,
}

/// Which numbers a search asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// All that may be a set.
    All,
    /// Of those that are known to be one a few.
    Few,
}

/// The search was not over within its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent;

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

    fn block(&self, number: u32) -> Option<&Block> {
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

    fn grow(&self, fd: Fd) {
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
    pub fn reach(&self) -> Reach {
        let is_due = || is_due(&self.asked);
        if self.are_filled_unseen.load(SeqCst) || is_due() { Reach::All } else { Reach::Few }
    }

    /// A set may go on watching a number of a connection that is not counted.
    pub fn leave_behind(&self) {
        self.has_left_behind.store(true, SeqCst);
    }

    /// Whether one may.
    pub fn has_left_behind(&self) -> bool {
        self.has_left_behind.load(SeqCst)
    }

    /// Calls `probe` with every number within `reach`, but for what `is_excluded`:
    /// softclose's own numbers. `alone` says that no other thread of the program opens and
    /// closes numbers meanwhile.
    ///
    /// # Errors
    /// [`Spent`]: not with every one.
    #[inline(never)]
    pub fn search(
        &self,
        reach: Reach,
        budget: &Budget,
        alone: bool,
        is_excluded: impl Fn(Fd) -> bool,
        probe: impl FnMut(Fd) -> Kind,
    ) -> Result<(), Spent> {
        // Of two searches at a time one may set bits and end at them: they say that
        // what is beyond has been looked at.
        let is_first = self.searching.compare_exchange(false, true, SeqCst, SeqCst).is_ok();
        let found = self.search_as(Searcher::new(self, reach, is_first, alone), budget, is_excluded, probe);
        if is_first {
            if found.is_err() {
                self.forget_free();
            }
            self.searching.store(false, SeqCst);
        }
        found
    }

    fn search_as(
        &self,
        mut searcher: Searcher<'_>,
        budget: &Budget,
        is_excluded: impl Fn(Fd) -> bool,
        mut probe: impl FnMut(Fd) -> Kind,
    ) -> Result<(), Spent> {
        let (mut from, mut count) = (0, 0u32);
        while let Some(fd) = searcher.next(from) {
            from = fd.raw() as u32 + 1;
            if is_excluded(fd) {
                continue;
            }
            searcher.learn(fd, probe(fd));
            // It has become softclose's own in between, whose close nobody sees.
            if is_excluded(fd) {
                self.ended(fd);
            }
            count += 1;
            if count.is_multiple_of(BITS) && budget.is_spent() {
                return Err(Spent);
            }
        }
        Ok(())
    }

    /// Whether a search that begins now, and that no other one is beside, may find that
    /// numbers have stayed plain: the last one that could was a while ago.
    fn may_settle(&self) -> bool {
        is_due(&self.settled)
    }

    fn forget_free(&self) {
        for number in (0..self.end.load(SeqCst)).step_by(BITS as usize) {
            if let Some(block) = self.block(number) {
                clear_bits(&block.free, u64::MAX);
            }
        }
    }

    fn next_not_plain(&self, from: u32, with_known: bool) -> Option<Fd> {
        let mut number = from;
        loop {
            let Some(block) = self.block(number) else { return Fd::new(i32::try_from(number).ok()?) };
            let known = if with_known { 0 } else { block.set.load(SeqCst) };
            match first_bit(!(block.plain.load(SeqCst) | known), number) {
                Some(found) => return Fd::new(found as i32),
                None => number = (number | (BITS - 1)) + 1,
            }
        }
    }

    fn next_set(&self, from: u32) -> Option<Fd> {
        let mut number = from;
        while number < self.end.load(SeqCst) {
            match first_bit(self.block(number)?.set.load(SeqCst), number) {
                Some(found) => return Fd::new(found as i32),
                None => number = (number | (BITS - 1)) + 1,
            }
        }
        None
    }

    fn has(&self, fd: Fd, word: impl Fn(&Block) -> &AtomicU64) -> bool {
        let number = fd.raw() as u32;
        self.block(number).is_some_and(|block| word(block).load(SeqCst) & bit(number) != 0)
    }

    /// Answers whether it was set before.
    fn set(&self, fd: Fd, word: impl Fn(&Block) -> &AtomicU64) -> bool {
        let number = fd.raw() as u32;
        self.block(number).is_some_and(|block| word(block).fetch_or(bit(number), SeqCst) & bit(number) != 0)
    }

    fn clear(&self, fd: Fd, word: impl Fn(&Block) -> &AtomicU64) {
        let number = fd.raw() as u32;
        if let Some(block) = self.block(number) {
            clear_bits(word(block), bit(number));
        }
    }
}

/// One search.
struct Searcher<'a> {
    sets: &'a Sets,
    /// So many known sets are still to be asked.
    known: u32,
    /// No other search is beside it.
    is_first: bool,
    /// No other thread closes numbers beside it.
    alone: bool,
    may_settle: bool,
    /// So many numbers were free all the time.
    ends: u32,
}

impl<'a> Searcher<'a> {
    fn new(sets: &'a Sets, reach: Reach, is_first: bool, alone: bool) -> Self {
        let known = if reach == Reach::All { u32::MAX } else { FEW };
        Self { sets, known, is_first, alone, may_settle: !alone && is_first && sets.may_settle(), ends: 0 }
    }

    fn next(&self, from: u32) -> Option<Fd> {
        match (self.ends, self.known) {
            (ENOUGH, 0) => None,
            (ENOUGH, _) => self.sets.next_set(from),
            (_, known) => self.sets.next_not_plain(from, known != 0),
        }
    }

    fn learn(&mut self, fd: Fd, kind: Kind) {
        let sets = self.sets;
        match kind {
            Kind::Plain => {
                sets.grow(fd);
                sets.clear(fd, |block| &block.set);
                self.learn_plain(fd);
            }
            Kind::Free => {
                sets.clear(fd, |block| &block.set);
                self.ends += u32::from(self.ends < ENOUGH && self.was_free(fd));
            }
            // It may have become known in between.
            Kind::Set if sets.is_set(fd) => self.known = self.known.saturating_sub(1),
            Kind::Set => {
                sets.grow(fd);
                sets.set(fd, |block| &block.set);
                sets.has_unseen.store(true, SeqCst);
            }
        }
    }

    fn learn_plain(&self, fd: Fd) {
        let has_settled = self.may_settle && self.sets.set(fd, |block| &block.was_plain);
        if self.alone || has_settled {
            self.sets.set(fd, |block| &block.plain);
        }
    }

    /// Whether `fd`, which is free, was so all the time.
    fn was_free(&self, fd: Fd) -> bool {
        let is_new = self.sets.end.load(SeqCst) <= fd.raw() as u32;
        is_new || (self.is_first && self.sets.set(fd, |block| &block.free))
    }
}

/// Whether it was never done, or a while ago; then it counts as done now.
fn is_due(last: &AtomicU32) -> bool {
    let (now, before) = (Millis::now(), last.load(SeqCst));
    let is_due = before == 0 || now.since(Millis(before)) >= SETTLED_MS;
    if is_due {
        last.store(now.0.max(1), SeqCst);
    }
    is_due
}

/// Without a write where there is nothing to clear: memory that a fork child shares with its
/// parent stays shared.
fn clear_bits(word: &AtomicU64, mask: u64) {
    if word.load(SeqCst) & mask != 0 {
        word.fetch_and(!mask, SeqCst);
    }
}

fn bit(number: u32) -> u64 {
    1 << (number % BITS)
}

/// The first number from `from` on, in its block, whose bit is set.
fn first_bit(word: u64, from: u32) -> Option<u32> {
    let word = word & (u64::MAX << (from % BITS));
    (word != 0).then(|| (from & !(BITS - 1)) + word.trailing_zeros())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    fn fd(raw: u32) -> Fd {
        Fd::new(raw as i32).unwrap()
    }

    /// A process' numbers as they are in truth.
    #[derive(Default)]
    struct Truth(BTreeMap<u32, Kind>);

    impl Truth {
        fn of(open: &[(u32, Kind)]) -> Self {
            Self(open.iter().copied().collect())
        }

        /// The numbers that a search asked.
        fn asked(&self, sets: &Sets) -> Vec<u32> {
            let mut asked = Vec::new();
            let found = sets.search(
                Reach::All,
                &Budget::new(),
                true,
                |_| false,
                |fd| {
                    asked.push(fd.raw() as u32);
                    self.0.get(&(fd.raw() as u32)).copied().unwrap_or(Kind::Free)
                },
            );
            assert_eq!(found, Ok(()));
            asked
        }
    }

    fn room() -> Sets {
        let sets = Sets::new();
        assert!(sets.ensure(1024));
        sets
    }

    #[test]
    fn a_server_that_opens_nothing_else_asks_two_numbers_at_each_close() {
        let sets = room();
        let truth = Truth::of(&[(0, Kind::Plain), (1, Kind::Plain), (2, Kind::Plain)]);
        sets.opened_plain(fd(3));
        sets.opened_plain(fd(4));
        sets.ending(fd(4));
        assert_eq!(truth.asked(&sets), [0, 1, 2, 4, 5, 6]);
        for _ in 0..3 {
            sets.opened_plain(fd(4));
            assert_eq!(truth.asked(&sets), [5, 6]);
            sets.ending(fd(4));
        }
    }

    #[test]
    fn a_set_that_takes_the_lowest_number_unseen_is_found() {
        let sets = room();
        let mut truth = Truth::default();
        (0..8).for_each(|number| sets.opened_plain(fd(number)));
        (2..8).for_each(|number| sets.ending(fd(number)));
        truth.asked(&sets);
        truth.0.insert(2, Kind::Set);
        assert!(truth.asked(&sets).contains(&2));
        assert!(sets.has_unseen());
    }

    #[test]
    fn a_set_that_was_made_while_lower_numbers_were_in_use_is_found() {
        let sets = room();
        let mut truth = Truth::default();
        sets.opened_plain(fd(0));
        assert_eq!(truth.asked(&sets), [1, 2]);
        // 1 and 2 are in use for a while, one of them unseen until it is closed.
        sets.opened_plain(fd(1));
        truth.0.insert(3, Kind::Set);
        sets.ending(fd(1));
        sets.ending(fd(2));
        assert_eq!(truth.asked(&sets), [1, 2, 3, 4, 5]);
        assert_eq!(truth.asked(&sets), [1, 2, 3], "it is asked at each search from then on");
    }

    #[test]
    fn a_set_under_a_number_that_was_plain_is_found() {
        let sets = room();
        let mut truth = Truth::of(&[(0, Kind::Plain), (1, Kind::Plain)]);
        truth.asked(&sets);
        sets.ending(fd(1));
        truth.0.insert(1, Kind::Set);
        assert!(truth.asked(&sets).contains(&1));
    }

    #[test]
    fn many_sets_that_are_known_are_asked_now_and_then_until_one_was_filled_unseen() {
        let sets = room();
        let asked = || {
            let mut asked = Vec::new();
            let kind = |number| if number < 20 { Kind::Set } else { Kind::Free };
            let probe = |fd: Fd| {
                asked.push(fd.raw());
                kind(fd.raw())
            };
            assert_eq!(sets.search(sets.reach(), &Budget::new(), true, |_| false, probe), Ok(()));
            asked
        };
        (0..20).for_each(|number| sets.made(fd(number), || true));
        let [all, few] = [20, 8].map(|known| (0..known).chain([20, 21]).collect::<Vec<_>>());
        assert_eq!([asked(), asked(), asked()], [&all, &few, &few].map(Vec::clone));
        sets.filled_unseen();
        assert_eq!([asked(), asked()], [&all, &all].map(Vec::clone));
    }

    #[test]
    fn a_closed_range_is_asked_again() {
        let sets = room();
        let truth = Truth::of(&(0..200).map(|number| (number, Kind::Plain)).collect::<Vec<_>>());
        truth.asked(&sets);
        assert_eq!(truth.asked(&sets), [200, 201]);
        sets.ending_range(60, 130);
        assert_eq!(truth.asked(&sets), (60..=130).chain([200, 201]).collect::<Vec<_>>());
    }

    #[test]
    fn what_becomes_private_is_not_remembered() {
        let sets = room();
        let is_private = AtomicBool::new(false);
        let probe = |fd: Fd| {
            is_private.store(true, SeqCst);
            if fd.raw() == 0 { Kind::Plain } else { Kind::Free }
        };
        let is_excluded = |fd: Fd| fd.raw() == 0 && is_private.load(SeqCst);
        assert_eq!(sets.search(Reach::All, &Budget::new(), true, is_excluded, probe), Ok(()));
        assert!(Truth::default().asked(&sets).contains(&0));
    }

    /// Private numbers lie right beyond the program's where those are many.
    #[test]
    fn what_is_held_is_not_asked_each_time() {
        let sets = room();
        (0..70).for_each(|number| sets.opened_plain(fd(number)));
        (70..300).for_each(|number| sets.occupied(fd(number)));
        let truth = Truth::of(&(0..300).map(|number| (number, Kind::Plain)).collect::<Vec<_>>());
        assert_eq!(truth.asked(&sets), [300, 301]);
        sets.ended(fd(200));
        assert_eq!(truth.asked(&sets), [200, 300, 301]);
    }

    #[test]
    fn a_search_that_is_cut_short_leaves_nothing_to_end_at() {
        let sets = room();
        sets.opened(fd(500));
        assert_eq!(sets.search(Reach::All, &Budget::spent(), true, |_| false, |_| Kind::Free), Err(Spent));
        let truth = Truth::of(&[(400, Kind::Set)]);
        assert!(truth.asked(&sets).contains(&400));
    }

    #[test]
    fn beside_another_search_none_ends_early() {
        let sets = room();
        sets.opened(fd(5));
        sets.ending(fd(5));
        let mut inner = Vec::new();
        let _ = sets.search(
            Reach::All,
            &Budget::new(),
            true,
            |_| false,
            |fd| {
                if fd.raw() == 1 {
                    inner = Truth::default().asked(&sets);
                }
                Kind::Free
            },
        );
        assert_eq!(inner, [0, 1, 2, 3, 4, 5, 6, 7]);
    }

    #[test]
    fn what_libc_opens_and_closes_inside_itself_hides_no_set() {
        let sets = room();
        let mut truth = Truth::default();
        sets.opened_plain(fd(0));
        truth.asked(&sets);
        // 1 was in use meanwhile.
        truth.0.insert(2, Kind::Set);
        assert!(truth.asked(&sets).contains(&2));
    }

    #[test]
    fn beside_threads_a_number_is_plain_when_it_was_so_for_a_while() {
        let sets = room();
        let asked = |is_late: bool| {
            if is_late {
                sets.settled.store(Millis::now().0.wrapping_sub(SETTLED_MS).max(1), SeqCst);
            }
            let mut asked = Vec::new();
            let found = sets.search(
                Reach::All,
                &Budget::new(),
                false,
                |_| false,
                |fd| {
                    asked.push(fd.raw());
                    if fd.raw() == 0 { Kind::Plain } else { Kind::Free }
                },
            );
            assert_eq!(found, Ok(()));
            asked
        };
        assert_eq!([asked(false), asked(false), asked(true)], [vec![0, 1, 2], vec![0, 1, 2], vec![0, 1, 2]]);
        assert_eq!(asked(false), [1, 2]);
    }

    #[test]
    fn who_else_has_waited_is_a_matter_of_the_set_and_not_of_its_number() {
        let sets = room();
        sets.made(fd(5), || true);
        sets.waits(fd(5), 7);
        assert!(!sets.may_be_waited_for(fd(5), 7));
        // A connection, closed by another thread.
        assert!(!sets.may_be_waited_for(fd(5), 8));
        sets.made(fd(5), || true);
        sets.waits(fd(5), 7);
        assert!(sets.may_be_waited_for(fd(5), 8));
        sets.made(fd(5), || true);
        [7, 8].into_iter().for_each(|thread| sets.waits(fd(5), thread));
        assert!(sets.may_be_waited_for(fd(5), 8));
    }

    #[test]
    fn a_set_is_our_own_until_it_is_shared_or_closed() {
        let sets = room();
        sets.made(fd(70), || true);
        sets.duplicated(fd(70), fd(3));
        assert_eq!(sets.alone(fd(3)), Some(Generation(1)));
        sets.ending(fd(3));
        assert_eq!((sets.alone(fd(3)), sets.alone(fd(70))), (None, Some(Generation(1))));
        sets.share();
        assert_eq!((sets.alone(fd(70)), sets.generation()), (None, Generation(2)));
        sets.made(fd(71), || false);
        assert_eq!(sets.alone(fd(71)), None);
    }
}

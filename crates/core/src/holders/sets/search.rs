//! The search for epoll sets among the descriptor numbers of this process.
//!
//! Context: hooks of any kind, on the program's threads; lock-free.

use super::block::{BITS, clear_bits, first_bit};
use super::table::{FEW, SearchExtent, Sets, is_due};
use crate::sys::Fd;
use crate::sys::clock::Budget;
use core::ops::Range;
use core::sync::atomic::Ordering::SeqCst;

/// A search ends at this many numbers that were free all the time.
const ENOUGH: u32 = 2;

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

/// The search was not over within its budget.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent;

impl Sets {
    /// Calls `probe` with every number within `extent`, except for those that `is_excluded`: softclose's own.
    /// `alone` says that no other thread of the program opens and closes numbers meanwhile.
    ///
    /// # Errors
    /// [`Spent`] if the budget was spent before all numbers were asked.
    #[inline(never)]
    pub fn search(
        &self,
        extent: SearchExtent,
        budget: &Budget,
        alone: bool,
        is_excluded: impl Fn(Fd) -> bool,
        probe: impl FnMut(Fd) -> Kind,
    ) -> Result<(), Spent> {
        // Of two searches at a time only one sets bits and ends at them: they say that all numbers
        // beyond have been asked.
        let is_first = self.searching.compare_exchange(false, true, SeqCst, SeqCst).is_ok();
        let mut searcher = Searcher::new(self, extent, is_first, alone);
        let asked_to = self.search_as(&mut searcher, budget, is_excluded, probe);
        if is_first {
            asked_to.into_iter().for_each(|first| self.forget_free(first..u32::MAX));
            self.asked_to.store(asked_to.unwrap_or(u32::MAX), SeqCst);
            self.searching.store(false, SeqCst);
        }
        asked_to.map_or(Ok(()), |_| Err(Spent))
    }

    /// `None` where all numbers have been asked; else the number from which on none has.
    fn search_as(
        &self,
        searcher: &mut Searcher<'_>,
        budget: &Budget,
        is_excluded: impl Fn(Fd) -> bool,
        mut probe: impl FnMut(Fd) -> Kind,
    ) -> Option<u32> {
        let (mut from, mut count) = (0, 0u32);
        while let Some(fd) = searcher.next(from) {
            from = fd.raw() as u32 + 1;
            if is_excluded(fd) {
                continue;
            }
            searcher.learn(fd, probe(fd));
            // The number has become softclose's own meanwhile, whose close no hook sees.
            if is_excluded(fd) {
                self.ended(fd);
            }
            count += 1;
            if count.is_multiple_of(BITS) && budget.is_spent() {
                return Some(searcher.asked_to(from));
            }
        }
        None
    }

    /// Whether this search, which no other one overlaps, may find that numbers have stayed plain: the last one
    /// that could was a while ago.
    fn may_settle(&self) -> bool {
        is_due(&self.settled)
    }

    /// What an earlier search has found free among these numbers says nothing of what lies beyond.
    pub(super) fn forget_free(&self, numbers: Range<u32>) {
        let end = numbers.end.min(self.end.load(SeqCst));
        let blocks = (numbers.start & !(BITS - 1)..end).step_by(BITS as usize);
        for (number, block) in blocks.filter_map(|number| Some((number, self.block(number)?))) {
            let from = if number < numbers.start { u64::MAX << (numbers.start % BITS) } else { u64::MAX };
            let to = if numbers.end - number < BITS { !(u64::MAX << (numbers.end % BITS)) } else { u64::MAX };
            clear_bits(&block.free, from & to);
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
}

/// One search.
struct Searcher<'a> {
    sets: &'a Sets,
    /// How many known sets are still to be asked.
    known: u32,
    /// Whether no other search overlaps this one.
    is_first: bool,
    /// Whether no other thread closes numbers meanwhile.
    alone: bool,
    may_settle: bool,
    /// How many numbers that were free all the time it has met.
    ends: u32,
    /// The number from which on the last search asked none, as its budget was spent. What lies between the numbers
    /// that were free all the time and this one has been asked since they were found free.
    goes_on_at: Option<u32>,
}

impl<'a> Searcher<'a> {
    fn new(sets: &'a Sets, extent: SearchExtent, is_first: bool, alone: bool) -> Self {
        let known = if extent == SearchExtent::All { u32::MAX } else { FEW };
        let goes_on_at = Some(sets.asked_to.load(SeqCst)).filter(|&asked_to| is_first && asked_to != u32::MAX);
        let may_settle = !alone && is_first && sets.may_settle();
        Self { sets, known, is_first, alone, may_settle, ends: 0, goes_on_at }
    }

    fn next(&mut self, from: u32) -> Option<Fd> {
        if self.ends < ENOUGH {
            return self.sets.next_not_plain(from, self.known != 0);
        }
        let known = if self.known == 0 { None } else { self.sets.next_set(from) };
        match self.goes_on_at {
            Some(there) if known.is_none_or(|set| set.raw() as u32 >= there) => {
                (self.ends, self.goes_on_at) = (0, None);
                self.sets.next_not_plain(from.max(there), self.known != 0)
            }
            _ => known,
        }
    }

    /// From which number on none has been asked, where the search stops before `from`.
    fn asked_to(&self, from: u32) -> u32 {
        if self.ends < ENOUGH { from } else { self.goes_on_at.unwrap_or(u32::MAX) }
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
            // Another thread may have made it known meanwhile.
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

    /// Whether `fd`, which is free, was free all the time since the last search.
    fn was_free(&self, fd: Fd) -> bool {
        let was_found_free = self.is_first && self.sets.set(fd, |block| &block.free);
        was_found_free || self.sets.end.load(SeqCst) <= fd.raw() as u32
    }
}

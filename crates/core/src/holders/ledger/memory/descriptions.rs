//! The open file descriptions of all connections of a family: a slot each, in shared memory.
//!
//! No system call tells how many references an open file description has. So softclose counts
//! them: [`super::cells`] says how the holders of one connection are counted, [`super::bitmap`]
//! which slots are taken.
//!
//! Context: hooks of any kind; lock-free.

use super::bitmap::BITS;
use super::cells::{Released, Slot};
use super::family_memory::FamilyMemory;
use super::liveness::Questions;
use super::marks::{Marks, MarksSeen};
use super::token::Token;

/// The index of a slot, plus one; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SlotId(u32);

impl SlotId {
    /// From a stored number; `None` for 0.
    pub fn new(raw: u32) -> Option<Self> {
        (raw != 0).then_some(Self(raw))
    }

    /// The number to store.
    pub fn raw(self) -> u32 {
        self.0
    }

    fn index(self) -> usize {
        self.0 as usize - 1
    }
}

/// All slots of a family of processes.
#[derive(Clone, Copy)]
pub struct Descriptions<'a>(&'a FamilyMemory);

impl<'a> Descriptions<'a> {
    /// The slots in this memory.
    pub fn of(memory: &'a FamilyMemory) -> Self {
        Self(memory)
    }

    /// Takes a slot for a new connection, held once by `me`. `None` where all are taken. Slots that
    /// dead processes have left are used again before memory that was never in use.
    pub fn open(self, cookie: u64, me: Token, alive: impl Fn(Token) -> bool) -> Option<SlotId> {
        let index = self.take_free().or_else(|| self.reclaim(alive)).or_else(|| self.take_beyond())?;
        self.0.get(index)?.fill(cookie, me);
        Some(SlotId(index as u32 + 1))
    }

    fn take_free(self) -> Option<usize> {
        self.0.head()?.taken.take_free(self.0.len())
    }

    fn take_beyond(self) -> Option<usize> {
        self.0.head()?.taken.extend(self.0.len()).then(|| self.take_free())?
    }

    /// Frees slots that dead processes have left, and takes one. Each call asks for few processes
    /// whether they are alive, and goes on where the last one has stopped.
    #[inline(never)]
    fn reclaim(self, alive: impl Fn(Token) -> bool) -> Option<usize> {
        /// So many slots are looked at in a call; most have the same holders as those before.
        const LOOKS: usize = 16 * BITS;
        let taken = &self.0.head()?.taken;
        let alive = Questions::of(alive);
        for _ in 0..taken.reach(self.0.len()).min(LOOKS) {
            if alive.are_over() {
                break;
            }
            let left = taken.next_taken(self.0.len());
            if let Some(index) = left
                .filter(|&index| self.0.get(index).is_some_and(|slot| slot.take_out_if_dead(|token| alive.ask(token))))
            {
                taken.free(index);
            }
        }
        self.take_free()
    }

    fn slot(self, id: SlotId) -> Option<&'a Slot> {
        self.0.get(id.index())
    }

    /// Whether slot `id` is that of the connection with this cookie.
    pub fn is(self, id: SlotId, cookie: u64) -> bool {
        self.slot(id).is_some_and(|slot| slot.is(cookie))
    }

    /// What is marked on the connection.
    pub fn marks(self, id: SlotId) -> Marks {
        self.slot(id).map_or(Marks::default(), Slot::marks)
    }

    /// Adds a mark, for every process of the family.
    pub fn mark(self, id: SlotId, mark: Marks) {
        if let Some(slot) = self.slot(id) {
            slot.mark(mark);
        }
    }

    /// As [`Slot::marks_seen`]; `None` where there is no such slot.
    pub fn marks_seen(self, id: SlotId) -> Option<MarksSeen> {
        self.slot(id).map(Slot::marks_seen)
    }

    /// As [`Slot::unmark_leaked`].
    pub fn unmark_leaked(self, id: SlotId, seen: MarksSeen) {
        self.with(id, |slot| slot.unmark_leaked(seen));
    }

    /// The slot of the connection with this cookie, among the first `reach` slots.
    pub fn find(self, cookie: u64, reach: usize) -> Option<SlotId> {
        self.find_behind(None, cookie, reach)
    }

    /// As [`Descriptions::find`], but the search begins behind `latest`: connections that were opened
    /// one after the other mostly have slots and numbers in the same order.
    pub fn find_behind(self, latest: Option<SlotId>, cookie: u64, reach: usize) -> Option<SlotId> {
        let latest = latest.map_or(0, SlotId::raw);
        let all = (latest + 1..=reach as u32).chain(1..=latest);
        all.filter_map(SlotId::new).find(|&id| self.is(id, cookie))
    }

    /// Raises the count of `holder` by one descriptor.
    pub fn hold(self, id: SlotId, holder: Token) {
        if let Some(slot) = self.slot(id) {
            slot.hold(holder);
        }
    }

    /// The processes that have a cell in slot `id`, living or dead.
    pub fn holders(self, id: SlotId) -> impl Iterator<Item = Token> + use<'a> {
        self.slot(id).into_iter().flat_map(Slot::holders)
    }

    /// The connection is about to be put into one more epoll set.
    pub fn add_watcher(&self, id: SlotId) {
        if let Some(slot) = self.slot(id) {
            slot.add_watcher();
        }
    }

    /// The connection is in `count` epoll sets less.
    pub fn remove_watchers(&self, id: SlotId, count: u32) {
        if let Some(slot) = self.slot(id) {
            slot.remove_watchers(count);
        }
    }

    /// Lowers the count of `me` by one, and says which holders are left. Where there is none the slot
    /// is free again.
    pub fn release(self, id: SlotId, me: Token, alive: impl Fn(Token) -> bool) -> Option<Released> {
        let released = self.slot(id)?.release(me, alive);
        if released.is_over
            && let Some(head) = self.0.head()
        {
            head.taken.free(id.index());
        }
        Some(released)
    }

    /// Calls one of [`Slot`]'s methods on slot `id`.
    pub fn with(self, id: SlotId, change: impl FnOnce(&Slot)) {
        if let Some(slot) = self.slot(id) {
            change(slot);
        }
    }

    /// As [`Slot::has_additions_since`]; true where there is no such slot.
    pub fn has_additions_since(self, id: SlotId, added: u64) -> bool {
        self.slot(id).is_none_or(|slot| slot.has_additions_since(added))
    }

    /// As [`Slot::may_be_hidden`].
    pub fn may_be_hidden(self, id: SlotId) -> bool {
        self.slot(id).is_some_and(Slot::may_be_hidden)
    }

    /// As [`Slot::is_in_transit`].
    pub fn is_in_transit(self, id: SlotId, holder: Token) -> bool {
        self.slot(id).is_some_and(|slot| slot.is_in_transit(holder))
    }

    /// Raises the count of `me` by one descriptor in the slot of the connection with this cookie, if
    /// one of the first `reach` slots is that.
    pub fn join(self, cookie: u64, me: Token, reach: usize) -> Option<SlotId> {
        let id = self.find(cookie, reach)?;
        self.hold(id, me);
        // The slot may have been freed since it was found, and be another connection's.
        if self.is(id, cookie) {
            return Some(id);
        }
        self.release(id, me, |_| true);
        None
    }

    /// As [`Slot::arrive`]; `via` is the cookie of the socket that the message was sent on.
    pub fn arrive(self, id: SlotId, via: u64) -> bool {
        self.slot(id).is_some_and(|slot| slot.arrive(via))
    }

    /// `other` is memory that no other process has yet. It will give out no slot that is in use here.
    pub fn reserve_in(self, other: Self) {
        if let Some((here, there)) = self.0.head().zip(other.0.head()) {
            there.taken.begin_beyond(&here.taken);
        }
    }

    /// Copies slot `id` to `other`, as [`Slot::copy`] does.
    pub fn copy_to(self, other: Self, id: SlotId, me: Token) {
        if let Some((from, to)) = self.slot(id).zip(other.slot(id)) {
            to.copy(from, me);
        }
    }

    /// Counts `me` in slot `id` here and no longer in `other`, as [`Slot::settle`] does.
    pub fn settle(self, other: Self, id: SlotId, me: Token) {
        if let Some((here, there)) = self.slot(id).zip(other.slot(id)) {
            here.settle(there, me);
        }
    }

    /// Frees a slot that no process holds but the calling one.
    pub fn give_up(self, id: SlotId) {
        let is_over = self.slot(id).is_some_and(|slot| slot.take_out_if_dead(|_| false));
        if is_over && let Some(head) = self.0.head() {
            head.taken.free(id.index());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holders::ledger::memory::cells::Remaining;
    use crate::sys::shared::Reach;
    use core::cell::Cell;

    fn token(raw: u32) -> Token {
        Token::new(raw).unwrap()
    }

    fn everybody(_: Token) -> bool {
        true
    }

    fn room(len: usize) -> FamilyMemory {
        let memory = FamilyMemory::new();
        assert!(memory.ensure(len, Reach::Forks));
        memory
    }

    #[test]
    fn of_two_descriptors_of_one_process_the_second_release_finds_nobody() {
        let room = room(64);
        let all = Descriptions::of(&room);
        let id = all.open(77, token(1), everybody).unwrap();
        all.hold(id, token(1));
        assert_eq!(all.release(id, token(1), everybody).unwrap().remaining, Remaining::Here);
        assert_eq!(all.release(id, token(1), everybody).unwrap().remaining, Remaining::Nobody);
        assert!(!all.is(id, 77));
    }

    #[test]
    fn a_fork_child_is_a_holder_until_it_releases_too() {
        let room = room(64);
        let all = Descriptions::of(&room);
        let id = all.open(77, token(1), everybody).unwrap();
        all.hold(id, token(2));
        assert_eq!(all.release(id, token(1), everybody).unwrap().remaining, Remaining::Elsewhere);
        assert_eq!(all.release(id, token(2), everybody).unwrap().remaining, Remaining::Nobody);
    }

    #[test]
    fn a_dead_holder_does_not_count() {
        let room = room(64);
        let all = Descriptions::of(&room);
        let id = all.open(77, token(1), everybody).unwrap();
        all.hold(id, token(2));
        assert_eq!(all.release(id, token(1), |t| t != token(2)).unwrap().remaining, Remaining::Nobody);
    }

    #[test]
    fn every_connection_gets_the_lowest_slot_that_is_free() {
        let room = room(256);
        let all = Descriptions::of(&room);
        let ids: Vec<_> = (1..=256).map(|cookie| all.open(cookie, token(1), everybody).unwrap()).collect();
        assert!(ids.iter().map(|id| id.raw()).eq(1..=256));
        assert_eq!(all.open(257, token(1), everybody), None);
        [200, 3, 100].iter().for_each(|&at: &usize| _ = all.release(ids[at], token(1), everybody));
        let again = [258, 259, 260].map(|cookie| all.open(cookie, token(1), everybody).unwrap());
        assert_eq!(again, [ids[3], ids[100], ids[200]]);
    }

    /// In 0.1 each search began where its process had last found a free slot.
    #[test]
    fn slots_that_one_process_has_taken_do_not_keep_another_from_finding_free_ones() {
        let room = room(1 << 14);
        let all = Descriptions::of(&room);
        for worker in 1..=4 {
            (0..2000).for_each(|_| assert!(all.open(7, token(worker), everybody).is_some()));
        }
    }

    #[test]
    fn a_child_for_each_connection_touches_no_more_slots_than_there_are_children() {
        const CHILDREN: u32 = 8;
        let room = room(1024);
        let all = Descriptions::of(&room);
        let mut served = std::collections::VecDeque::new();
        for cookie in 1..=5000 {
            let child = token(2 + cookie as u32 % CHILDREN);
            let id = all.open(cookie, token(1), everybody).unwrap();
            all.hold(id, child);
            assert_eq!(all.release(id, token(1), everybody).unwrap().remaining, Remaining::Elsewhere);
            assert!(id.raw() <= CHILDREN, "{id:?} for connection {cookie}");
            served.push_back((id, child));
            if served.len() == CHILDREN as usize {
                let (id, child) = served.pop_front().unwrap();
                assert_eq!(all.release(id, child, everybody).unwrap().remaining, Remaining::Nobody);
            }
        }
    }

    #[test]
    fn slots_of_dead_processes_are_used_again() {
        let room = room(64);
        let all = Descriptions::of(&room);
        (1..=64).for_each(|cookie| assert!(all.open(cookie, token(1), everybody).is_some()));
        assert_eq!(all.open(65, token(2), everybody), None);
        assert!(all.open(65, token(2), |t| t == token(2)).is_some());
    }

    #[test]
    fn each_search_asks_for_few_processes_and_goes_on_where_the_last_one_stopped() {
        let room = room(64);
        let all = Descriptions::of(&room);
        (1..=64).for_each(|holder| assert!(all.open(7, token(holder), everybody).is_some()));
        // One of the holders is dead, whichever: it is found in the end.
        let asked = Cell::new(0);
        let alive = |holder| {
            asked.set(asked.get() + 1);
            holder != token(40)
        };
        let calls = (1..).find(|_| all.open(8, token(1), alive).is_some()).unwrap();
        assert!(calls <= 64 / 8, "{calls}");
        assert!(asked.get() <= 8 * calls, "{} in {calls}", asked.get());
    }

    #[test]
    fn a_server_whose_children_end_with_their_connections_uses_no_more_memory_for_it() {
        const AT_A_TIME: u32 = 8;
        let room = room(4096);
        let all = Descriptions::of(&room);
        for child in 2..1000 {
            let youngest = |token: Token| token.raw() == 1 || token.raw() + AT_A_TIME > child;
            let id = all.open(child.into(), token(1), youngest).unwrap();
            all.hold(id, token(child));
            assert_eq!(all.release(id, token(1), youngest).unwrap().remaining, Remaining::Elsewhere);
            assert!(id.raw() <= 64, "slot {id:?} for child {child}");
        }
    }

    #[test]
    fn more_holders_than_cells_leave_a_mark() {
        let room = room(64);
        let all = Descriptions::of(&room);
        let id = all.open(77, token(1), everybody).unwrap();
        for holder in 2..=6 {
            all.hold(id, token(holder));
        }
        assert!(all.marks(id).has(Marks::CROWDED));
    }

    #[test]
    fn a_connection_is_found_by_its_cookie() {
        let room = room(64);
        let all = Descriptions::of(&room);
        let id = all.open(77, token(1), everybody).unwrap();
        assert_eq!([77, 78].map(|cookie| all.find(cookie, 8)), [Some(id), None]);
        assert_eq!([77, 78].map(|cookie| all.find_behind(Some(id), cookie, 8)), [Some(id), None]);
    }
}

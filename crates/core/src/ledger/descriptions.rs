//! All open file descriptions of a family: counts in memory shared across fork.
//!
//! No system call tells how many references a description has. So every
//! connection gets a slot in memory that fork children share; [`super::cells`]
//! says how its holders are counted.
//!
//! Context: hooks of any kind; lock-free.

pub use super::cells::{Left, Marks};

use super::cells::Slot;
use super::token::Token;
use crate::sys::region::{Region, Sharing, Zeroed};
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

// SAFETY: repr(C), atomics only; all zeroes is a free slot.
unsafe impl Zeroed for Slot {}

/// Index of a slot, plus one.
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
}

/// All slots of a family of processes.
pub struct Descriptions {
    slots: Region<Slot>,
    /// Where the search for a free slot goes on; process-local, a hint only.
    rotor: AtomicU32,
    /// Slots from here on were never used, as far as this process knows.
    reach: AtomicU32,
    /// The slots that searches have found last. Where most connections last, and each new
    /// one ends soon, these are the free ones.
    latest: [AtomicU32; LATEST],
    turn: AtomicU32,
}

const LATEST: usize = 8;

/// How many slots are looked at in a search.
const TRIES: usize = 64;

impl Descriptions {
    /// Nothing mapped yet.
    pub const fn new() -> Self {
        Self {
            slots: Region::new(Sharing::Shared),
            rotor: AtomicU32::new(0),
            reach: AtomicU32::new(0),
            latest: [const { AtomicU32::new(0) }; LATEST],
            turn: AtomicU32::new(0),
        }
    }

    /// Maps room for `len` connections.
    pub fn ensure(&self, len: usize) -> bool {
        self.slots.ensure(len)
    }

    /// Takes a slot for a new connection held once by `me`. `hint` (the fd) is
    /// tried first, and memory that is not in use yet last: what children leave
    /// behind that end with a connection is used again before.
    pub fn open(&self, hint: usize, cookie: u64, me: Token, alive: impl Fn(Token) -> bool) -> Option<SlotId> {
        let found = self.claim(hint).or_else(|| self.claim_latest());
        let index = found.or_else(|| self.search(alive))?;
        self.slots.get(index)?.fill(cookie, me);
        self.reach.fetch_max(index as u32 + 1, SeqCst);
        Some(SlotId(index as u32 + 1))
    }

    /// What is found here is looked at first from now on.
    #[inline(never)]
    fn search(&self, alive: impl Fn(Token) -> bool) -> Option<usize> {
        let found = self.claim_any().or_else(|| self.reclaim(alive)).or_else(|| self.claim_beyond())?;
        let place = self.latest.get(self.turn.fetch_add(1, SeqCst) as usize % LATEST)?;
        place.store(found as u32, SeqCst);
        Some(found)
    }

    fn claim_latest(&self) -> Option<usize> {
        self.latest.iter().find_map(|latest| self.claim(latest.load(SeqCst) as usize))
    }

    fn claim(&self, index: usize) -> Option<usize> {
        self.slots.get(index)?.claim().then_some(index)
    }

    fn claim_any(&self) -> Option<usize> {
        (0..TRIES).find_map(|_| self.claim(self.next()))
    }

    fn claim_beyond(&self) -> Option<usize> {
        let reach = self.reach.load(SeqCst) as usize;
        (reach..reach + TRIES).find_map(|index| self.claim(index))
    }

    fn next(&self) -> usize {
        (self.rotor.fetch_add(1, SeqCst) % self.reach.load(SeqCst).max(1)) as usize
    }

    fn reclaim(&self, alive: impl Fn(Token) -> bool) -> Option<usize> {
        // Fewer: each may take a system call for each holder.
        (0..TRIES / 4).find_map(|_| {
            let index = self.next();
            self.slots.get(index)?.reclaim(&alive).then_some(index)
        })
    }

    fn slot(&self, id: SlotId) -> Option<&Slot> {
        self.slots.get(id.0 as usize - 1)
    }

    /// Whether slot `id` is the one of the connection with this cookie.
    pub fn is(&self, id: SlotId, cookie: u64) -> bool {
        self.slot(id).is_some_and(|slot| slot.is(cookie))
    }

    /// What is marked on the connection.
    pub fn marks(&self, id: SlotId) -> Marks {
        self.slot(id).map_or(Marks::default(), Slot::marks)
    }

    /// Adds a mark, for every process of the family.
    pub fn mark(&self, id: SlotId, mark: Marks) {
        if let Some(slot) = self.slot(id) {
            slot.mark(mark);
        }
    }

    /// Marks it as leaked to a process that was made at `seconds` after boot, or later.
    pub fn leak(&self, id: SlotId, seconds: u32) {
        if let Some(slot) = self.slot(id) {
            slot.leak(seconds);
        }
    }

    /// Seconds after boot: nobody who was started before has got it uncounted.
    pub fn leaked(&self, id: SlotId) -> u32 {
        self.slot(id).map_or(0, Slot::leaked)
    }

    /// Raises the count of `holder` by one descriptor.
    pub fn hold(&self, id: SlotId, holder: Token) {
        if let Some(slot) = self.slot(id) {
            slot.hold(holder);
        }
    }

    /// Who holds it, living or dead.
    pub fn holders(&self, id: SlotId) -> impl Iterator<Item = Token> {
        self.slot(id).into_iter().flat_map(Slot::holders)
    }

    /// It is about to be put into one more epoll set.
    pub fn add_watcher(&self, id: SlotId) {
        if let Some(slot) = self.slot(id) {
            slot.add_watcher();
        }
    }

    /// It is in so many sets less.
    pub fn remove_watchers(&self, id: SlotId, count: u32) {
        if let Some(slot) = self.slot(id) {
            slot.remove_watchers(count);
        }
    }

    /// Lowers the count of `me` by one and says whether anybody is left. Where
    /// nobody is, the slot is free again; and how many sets watched it then.
    pub fn release(&self, id: SlotId, me: Token, alive: impl Fn(Token) -> bool) -> (Left, u32) {
        self.slot(id).map_or((Left::Here, 0), |slot| slot.release(me, alive))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(raw: u32) -> Token {
        Token::new(raw).unwrap()
    }

    fn everybody(_: Token) -> bool {
        true
    }

    fn room() -> Descriptions {
        let all = Descriptions::new();
        assert!(all.ensure(8));
        all
    }

    #[test]
    fn the_last_of_two_descriptors_is_the_last() {
        let all = room();
        let id = all.open(3, 77, token(1), everybody).unwrap();
        all.hold(id, token(1));
        assert_eq!(all.release(id, token(1), everybody).0, Left::Here);
        assert_eq!(all.release(id, token(1), everybody).0, Left::Nobody);
        assert!(!all.is(id, 77));
    }

    #[test]
    fn a_fork_child_keeps_it_until_it_releases_too() {
        let all = room();
        let id = all.open(3, 77, token(1), everybody).unwrap();
        all.hold(id, token(2));
        assert_eq!(all.release(id, token(1), everybody).0, Left::Elsewhere);
        assert_eq!(all.release(id, token(2), everybody).0, Left::Nobody);
    }

    #[test]
    fn a_dead_holder_does_not_count() {
        let all = room();
        let id = all.open(3, 77, token(1), everybody).unwrap();
        all.hold(id, token(2));
        assert_eq!(all.release(id, token(1), |t| t != token(2)).0, Left::Nobody);
    }

    #[test]
    fn a_taken_hint_is_no_obstacle() {
        let all = room();
        let one = all.open(3, 77, token(1), everybody).unwrap();
        let two = all.open(3, 78, token(1), everybody).unwrap();
        assert_ne!(one, two);
        assert!(all.is(one, 77) && all.is(two, 78));
    }

    #[test]
    fn a_child_for_each_connection_touches_no_more_slots_than_there_are_children() {
        const CHILDREN: u32 = 8;
        let all = Descriptions::new();
        assert!(all.ensure(1024));
        let mut served = std::collections::VecDeque::new();
        for cookie in 1..=5000 {
            let child = token(2 + cookie as u32 % CHILDREN);
            let id = all.open(3, cookie, token(1), everybody).unwrap();
            all.hold(id, child);
            assert_eq!(all.release(id, token(1), everybody).0, Left::Elsewhere);
            assert!(id.raw() <= 64 + CHILDREN, "{id:?} for connection {cookie}");
            served.push_back((id, child));
            if served.len() == CHILDREN as usize {
                let (id, child) = served.pop_front().unwrap();
                assert_eq!(all.release(id, child, everybody).0, Left::Nobody);
            }
        }
    }

    #[test]
    fn slots_of_dead_processes_are_used_again() {
        let all = room();
        for cookie in 1..=8 {
            all.open(cookie as usize - 1, cookie, token(1), everybody).unwrap();
        }
        assert_eq!(all.open(0, 9, token(2), everybody), None);
        assert!(all.open(0, 9, token(2), |t| t == token(2)).is_some());
    }

    #[test]
    fn a_server_whose_children_end_with_their_connections_uses_no_more_memory_for_it() {
        const AT_A_TIME: u32 = 8;
        let all = Descriptions::new();
        assert!(all.ensure(4096));
        for child in 2..1000 {
            let youngest = |token: Token| token.raw() == 1 || token.raw() + AT_A_TIME > child;
            let id = all.open(4, child.into(), token(1), youngest).unwrap();
            all.hold(id, token(child));
            assert_eq!(all.release(id, token(1), youngest).0, Left::Elsewhere);
            assert!(id.raw() <= 64, "slot {id:?} for child {child}");
        }
    }

    #[test]
    fn more_holders_than_cells_leave_a_mark() {
        let all = room();
        let id = all.open(3, 77, token(1), everybody).unwrap();
        for holder in 2..=6 {
            all.hold(id, token(holder));
        }
        assert!(all.marks(id).has(Marks::CROWDED));
    }

    #[test]
    fn a_leak_of_which_the_time_is_not_known_stays_unknown() {
        let all = room();
        let id = all.open(3, 77, token(1), everybody).unwrap();
        all.leak(id, 9);
        all.leak(id, 0);
        all.leak(id, 7);
        assert_eq!(all.leaked(id), 0);
    }
}

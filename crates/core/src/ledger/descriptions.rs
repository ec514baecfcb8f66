//! Who holds each open file description: counts in memory shared across fork.
//!
//! No system call tells how many references a description has. So every
//! connection gets a slot in memory that fork children share, with a small cell
//! for each process that holds it: the process' [`Token`] and its number of
//! descriptors. `dup` raises the own cell, `fork` adds one for the child before
//! it exists, `close` lowers; who lowers the last cell to nothing is the last
//! holder. A child that is killed leaves its cell behind: the count errs on the
//! safe side until [`super::family`] finds the process dead.
//!
//! Context: hooks of any kind. Lock-free; two processes that release at the same
//! instant both see the other's cell gone, never both still there.
//!
//! # Atomic orderings
//! `SeqCst` throughout: the proof needs "my release, then my look at the others"
//! in one total order over all processes, and these run a few times a connection.

use super::family::Token;
use crate::sys::region::{Region, Sharing, Zeroed};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

const CELLS: usize = 5;
const BUSY: u64 = u64::MAX;

/// Something is known about a description that the counts cannot express.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u32);

impl Marks {
    /// Sent through `SCM_RIGHTS`: it may be in flight, held by no process.
    pub const PASSED: Self = Self(1);
    /// Open while a process was made that the counts do not cover.
    pub const LEAKED: Self = Self(2);
    /// Closed on one number while an epoll set still watches that number, which
    /// nothing but the end of the description can undo.
    pub const STILL_WATCHED: Self = Self(4);
    /// More processes hold it than a slot has cells.
    pub const CROWDED: Self = Self(8);

    /// Whether all of `other` is set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

#[repr(C, align(64))]
struct Slot {
    /// `SO_COOKIE` of the connection; 0: free; `BUSY`: being filled.
    cookie: AtomicU64,
    /// Token in the upper half, number of descriptors in the lower; 0: empty.
    cells: [AtomicU64; CELLS],
    marks: AtomicU32,
}

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

    fn index(self) -> usize {
        self.0 as usize - 1
    }
}

/// Whether anybody else holds a description that we have just released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// Nobody, as far as the counts know.
    Nobody,
    /// Only other processes.
    Elsewhere,
    /// This process, by another descriptor.
    Here,
}

/// All slots of a family of processes.
pub struct Descriptions {
    slots: Region<Slot>,
    /// Where the search for a free slot goes on; process-local, a hint only.
    rotor: AtomicU32,
}

impl Descriptions {
    /// Nothing mapped yet.
    pub const fn new() -> Self {
        Self { slots: Region::new(Sharing::Shared), rotor: AtomicU32::new(0) }
    }

    /// Maps room for `len` connections.
    pub fn ensure(&self, len: usize) -> bool {
        self.slots.ensure(len)
    }

    /// Takes a slot for a new connection held once by `me`. `hint` (the fd) is
    /// tried first: it keeps the touched memory as small as the fd table.
    pub fn open(&self, hint: usize, cookie: u64, me: Token, alive: impl Fn(Token) -> bool) -> Option<SlotId> {
        let index = self.claim(hint).or_else(|| self.claim_any()).or_else(|| self.reclaim(alive))?;
        let slot = self.slots.get(index)?;
        slot.marks.store(0, SeqCst);
        for (at, cell) in slot.cells.iter().enumerate() {
            cell.store(if at == 0 { pack(me, 1) } else { 0 }, SeqCst);
        }
        slot.cookie.store(cookie, SeqCst);
        Some(SlotId(index as u32 + 1))
    }

    fn claim(&self, index: usize) -> Option<usize> {
        let slot = self.slots.get(index)?;
        slot.cookie.compare_exchange(0, BUSY, SeqCst, SeqCst).is_ok().then_some(index)
    }

    fn claim_any(&self) -> Option<usize> {
        const TRIES: u32 = 64;
        (0..TRIES).find_map(|_| self.claim(self.next()))
    }

    fn next(&self) -> usize {
        self.rotor.fetch_add(1, SeqCst) as usize % self.slots.len().max(1)
    }

    /// Frees a slot whose holders have all died without closing.
    fn reclaim(&self, alive: impl Fn(Token) -> bool) -> Option<usize> {
        const TRIES: u32 = 16;
        (0..TRIES).find_map(|_| {
            let index = self.next();
            let slot = self.slots.get(index)?;
            let cookie = slot.cookie.load(SeqCst);
            let abandoned = cookie != BUSY && slot.bury_the_dead(&alive) == Left::Nobody;
            let taken = abandoned && slot.cookie.compare_exchange(cookie, BUSY, SeqCst, SeqCst).is_ok();
            taken.then_some(index)
        })
    }

    /// Whether slot `id` is the one of the connection with this cookie.
    pub fn is(&self, id: SlotId, cookie: u64) -> bool {
        self.slots.get(id.index()).is_some_and(|slot| slot.cookie.load(SeqCst) == cookie)
    }

    /// What is marked on the connection.
    pub fn marks(&self, id: SlotId) -> Marks {
        Marks(self.slots.get(id.index()).map_or(0, |slot| slot.marks.load(SeqCst)))
    }

    /// Adds a mark, for every process of the family.
    pub fn mark(&self, id: SlotId, mark: Marks) {
        if let Some(slot) = self.slots.get(id.index()) {
            slot.marks.fetch_or(mark.0, SeqCst);
        }
    }

    /// Raises the count of `holder` by one descriptor.
    pub fn hold(&self, id: SlotId, holder: Token) {
        let Some(slot) = self.slots.get(id.index()) else { return };
        if !(slot.change(holder, 1) || slot.enter(holder)) {
            self.mark(id, Marks::CROWDED);
        }
    }

    /// Who holds it, living or dead.
    pub fn holders(&self, id: SlotId) -> impl Iterator<Item = Token> {
        self.slots.get(id.index()).into_iter().flat_map(Slot::holders)
    }

    /// Lowers the count of `me` by one and says whether anybody is left. Where
    /// nobody is, the slot is free again.
    pub fn release(&self, id: SlotId, me: Token, alive: impl Fn(Token) -> bool) -> Left {
        let Some(slot) = self.slots.get(id.index()) else { return Left::Here };
        let cookie = slot.cookie.load(SeqCst);
        slot.change(me, -1);
        let left = match slot.bury_the_dead(&alive) {
            Left::Elsewhere if slot.holders().any(|holder| holder == me) => Left::Here,
            left => left,
        };
        if left == Left::Nobody {
            // Not a plain store: another releaser may have freed it already, and
            // a third process taken it.
            let _ = slot.cookie.compare_exchange(cookie, 0, SeqCst, SeqCst);
        }
        left
    }
}

impl Slot {
    /// Adds `by` to the holder's cell; false where it has none.
    fn change(&self, holder: Token, by: i64) -> bool {
        self.cells.iter().any(|cell| {
            let update = |word| (token_of(word) == Some(holder)).then(|| shift(word, by));
            cell.fetch_update(SeqCst, SeqCst, update).is_ok()
        })
    }

    fn holders(&self) -> impl Iterator<Item = Token> {
        self.cells.iter().filter_map(|cell| token_of(cell.load(SeqCst)))
    }

    fn enter(&self, holder: Token) -> bool {
        let word = pack(holder, 1);
        self.cells.iter().any(|cell| cell.compare_exchange(0, word, SeqCst, SeqCst).is_ok())
    }

    /// Empties the cells of processes that have ended, and says who is left.
    fn bury_the_dead(&self, alive: &impl Fn(Token) -> bool) -> Left {
        let mut left = Left::Nobody;
        for cell in &self.cells {
            let word = cell.load(SeqCst);
            match token_of(word) {
                Some(token) if alive(token) => left = Left::Elsewhere,
                Some(_) => _ = cell.compare_exchange(word, 0, SeqCst, SeqCst),
                None => {}
            }
        }
        left
    }
}

fn pack(token: Token, count: u32) -> u64 {
    u64::from(token.raw()) << 32 | u64::from(count)
}

fn token_of(word: u64) -> Option<Token> {
    Token::new((word >> 32) as u32)
}

/// A cell that reaches zero descriptors is empty as a whole.
fn shift(word: u64, by: i64) -> u64 {
    match (word & 0xffff_ffff) as i64 + by {
        count if count > 0 => word & !0xffff_ffff | count as u64,
        _ => 0,
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
        assert_eq!(all.release(id, token(1), everybody), Left::Here);
        assert_eq!(all.release(id, token(1), everybody), Left::Nobody);
        assert!(!all.is(id, 77));
    }

    #[test]
    fn a_fork_child_keeps_it_until_it_releases_too() {
        let all = room();
        let id = all.open(3, 77, token(1), everybody).unwrap();
        all.hold(id, token(2));
        assert_eq!(all.release(id, token(1), everybody), Left::Elsewhere);
        assert_eq!(all.release(id, token(2), everybody), Left::Nobody);
    }

    #[test]
    fn a_dead_holder_does_not_count() {
        let all = room();
        let id = all.open(3, 77, token(1), everybody).unwrap();
        all.hold(id, token(2));
        assert_eq!(all.release(id, token(1), |t| t != token(2)), Left::Nobody);
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
    fn slots_of_dead_processes_are_used_again() {
        let all = room();
        for cookie in 1..=8 {
            all.open(cookie as usize - 1, cookie, token(1), everybody).unwrap();
        }
        assert_eq!(all.open(0, 9, token(2), everybody), None);
        assert!(all.open(0, 9, token(2), |t| t == token(2)).is_some());
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
}

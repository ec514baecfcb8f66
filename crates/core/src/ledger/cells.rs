//! Who holds one open file description: a cell for each process.
//!
//! A cell has the process' [`Token`] and its number of descriptors. `dup` raises
//! the own cell, `fork` adds one for the child before it exists, `close` lowers
//! its own *and then* looks at the others: who finds them empty is the last
//! holder. A child that is killed leaves its cell behind: the count errs on the
//! safe side until [`super::family`] finds the process dead.
//!
//! Context: hooks of any kind, in shared memory. Lock-free; two processes that
//! release at the same instant both see the other's cell gone, never both still
//! there.
//!
//! # Atomic orderings
//! `SeqCst` throughout: the proof needs "my release, then my look at the others"
//! in one total order over all processes, and these run a few times a connection.

use super::token::Token;
use crate::sync::{AtomicU32, AtomicU64, SeqCst};

const CELLS: usize = 5;
/// A change that is overtaken so often is given up: nobody in a hook waits for others.
const TRIES: usize = 128;
/// More descriptors than a process has of one connection.
const MANY: u32 = 1 << 20;

/// Something is known about a description that the counts cannot express.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u32);

impl Marks {
    /// Sent through `SCM_RIGHTS`: it may be in flight, held by no process.
    pub const PASSED: Self = Self(1);
    /// Open while a process was made that the counts do not cover, and that runs this
    /// program.
    pub const LEAKED: Self = Self(2);
    /// More processes hold it than a slot has cells.
    pub const CROWDED: Self = Self(8);
    /// Another program was executed that had it: it may have handed it on, to a process of
    /// any age and any user, and have ended.
    pub const HANDED: Self = Self(32);
    /// A process has had it under more than one number.
    pub const COPIED: Self = Self(64);

    /// Whether all of `other` is set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
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
    /// This process was not among the holders: there are too many, or it noted the
    /// description while it left the memory.
    Unknown,
}

/// What a release has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// Who is left.
    pub left: Left,
    /// How many epoll sets watched it then.
    pub watchers: u32,
    /// Whether the caller is to free the slot, as nobody is left.
    pub is_over: bool,
}

/// One description. All zeroes: free.
#[derive(Default)]
#[repr(C, align(64))]
pub struct Slot {
    /// `SO_COOKIE` of the connection; 0: free, or being filled.
    cookie: AtomicU64,
    /// Token in the upper half, number of descriptors in the lower; 0: empty.
    cells: [AtomicU64; CELLS],
    marks: AtomicU32,
    /// How often epoll sets watch it, under numbers of any process; see
    /// [`super::membership`].
    watchers: AtomicU32,
}

impl Slot {
    /// A slot that was taken is that of a new connection, held once by `me`.
    pub fn fill(&self, cookie: u64, me: Token) {
        self.marks.store(0, SeqCst);
        self.watchers.store(0, SeqCst);
        for (at, cell) in self.cells.iter().enumerate() {
            cell.store(if at == 0 { pack(me, 1) } else { 0 }, SeqCst);
        }
        self.cookie.store(cookie, SeqCst);
    }

    /// Makes it a copy of `other`, in memory that nobody shares yet. While `other` is still
    /// in use by other threads of `me`, their process counts here as a holder of [`MANY`].
    pub fn copy(&self, other: &Self, me: Token) {
        let cookie = other.cookie.load(SeqCst);
        self.marks.store(other.marks.load(SeqCst), SeqCst);
        self.watchers.store(other.watchers.load(SeqCst), SeqCst);
        for (to, from) in self.cells.iter().zip(&other.cells) {
            let word = from.load(SeqCst);
            to.store(if token_of(word) == Some(me) { pack(me, MANY) } else { word }, SeqCst);
        }
        // It may be that of another connection by now.
        if other.cookie.load(SeqCst) == cookie {
            self.cookie.store(cookie, SeqCst);
        }
    }

    /// From now on `me` counts here alone: with what it had when it left `other`, and what
    /// came and went since.
    pub fn settle(&self, other: &Self, me: Token) {
        if self.count(me) >= MANY / 2 {
            self.change(me, i64::from(other.count(me)) - i64::from(MANY));
        }
    }

    fn count(&self, holder: Token) -> u32 {
        let words = self.cells.iter().map(|cell| cell.load(SeqCst));
        words.filter(|&word| token_of(word) == Some(holder)).fold(0, |sum: u32, word| sum.saturating_add(word as u32))
    }

    /// Takes the connection out if its holders have all died without closing: whoever is
    /// answered true frees the slot.
    pub fn bury(&self, alive: impl Fn(Token) -> bool) -> bool {
        let cookie = self.cookie.load(SeqCst);
        cookie != 0 && self.bury_the_dead(alive) == Left::Nobody && self.take_out(cookie)
    }

    /// Of all who find nobody left, one takes the connection out.
    fn take_out(&self, cookie: u64) -> bool {
        cookie != 0 && self.cookie.compare_exchange(cookie, 0, SeqCst, SeqCst).is_ok()
    }

    /// Whether it is that of the connection with this cookie.
    pub fn is(&self, cookie: u64) -> bool {
        self.cookie.load(SeqCst) == cookie
    }

    /// What is marked on the connection.
    pub fn marks(&self) -> Marks {
        Marks(self.marks.load(SeqCst))
    }

    /// Adds a mark, for every process of the family.
    pub fn mark(&self, mark: Marks) {
        self.marks.fetch_or(mark.0, SeqCst);
    }

    /// It is about to be put into one more epoll set.
    pub fn add_watcher(&self) {
        self.watchers.fetch_add(1, SeqCst);
    }

    /// It is in so many sets less.
    pub fn remove_watchers(&self, count: u32) {
        let fewer = |watchers: u32| Some(watchers.saturating_sub(count));
        let _ = self.watchers.fetch_update(SeqCst, SeqCst, fewer);
    }

    /// Who holds it, living or dead.
    pub fn holders(&self) -> impl Iterator<Item = Token> {
        self.cells.iter().filter_map(|cell| token_of(cell.load(SeqCst)))
    }

    /// Raises the count of `holder` by one descriptor.
    pub fn hold(&self, holder: Token) {
        if !(self.change(holder, 1) || self.enter(holder)) {
            self.mark(Marks::CROWDED);
        }
    }

    /// Lowers the count of `me` by one and says whether anybody is left.
    pub fn release(&self, me: Token, alive: impl Fn(Token) -> bool) -> Released {
        let cookie = self.cookie.load(SeqCst);
        let was_counted = self.change(me, -1);
        let left = self.bury_the_dead(alive);
        // Before anybody else can take it.
        let watchers = self.watchers.load(SeqCst);
        // Another releaser may have freed it already, and a third process taken it.
        let is_over = left == Left::Nobody && self.take_out(cookie);
        let left = match left {
            _ if !was_counted => Left::Unknown,
            Left::Elsewhere if self.holders().any(|holder| holder == me) => Left::Here,
            left => left,
        };
        Released { left, watchers, is_over }
    }

    /// Adds `by` to the holder's cell; false where it has none.
    fn change(&self, holder: Token, by: i64) -> bool {
        self.cells.iter().any(|cell| {
            let mut word = cell.load(SeqCst);
            for _ in 0..TRIES {
                if token_of(word) != Some(holder) {
                    return false;
                }
                match cell.compare_exchange(word, shift(word, by), SeqCst, SeqCst) {
                    Ok(_) => return true,
                    Err(now) => word = now,
                }
            }
            false
        })
    }

    fn enter(&self, holder: Token) -> bool {
        let word = pack(holder, 1);
        self.cells.iter().any(|cell| cell.compare_exchange(0, word, SeqCst, SeqCst).is_ok())
    }

    /// Empties the cells of processes that have ended, and says who is left.
    fn bury_the_dead(&self, alive: impl Fn(Token) -> bool) -> Left {
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
        count if count > 0 => word & !0xffff_ffff | (count as u64).min(0xffff_ffff),
        _ => 0,
    }
}

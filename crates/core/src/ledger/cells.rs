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
const BUSY: u64 = u64::MAX;

/// Something is known about a description that the counts cannot express.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u32);

impl Marks {
    /// Sent through `SCM_RIGHTS`: it may be in flight, held by no process.
    pub const PASSED: Self = Self(1);
    /// Open while a process was made that the counts do not cover.
    pub const LEAKED: Self = Self(2);
    /// More processes hold it than a slot has cells.
    pub const CROWDED: Self = Self(8);

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
}

/// One description. All zeroes: free.
#[derive(Default)]
#[repr(C, align(64))]
pub struct Slot {
    /// `SO_COOKIE` of the connection; 0: free; `BUSY`: being filled.
    cookie: AtomicU64,
    /// Token in the upper half, number of descriptors in the lower; 0: empty.
    cells: [AtomicU64; CELLS],
    marks: AtomicU32,
    /// Of all that set [`Marks::LEAKED`] the earliest, seconds after boot; 0 where one of
    /// them is not known.
    leaked: AtomicU32,
    /// How often epoll sets watch it, under numbers of any process; see
    /// [`super::membership`].
    watchers: AtomicU32,
}

impl Slot {
    /// Takes it if it is free, to [fill](Self::fill) it.
    pub fn claim(&self) -> bool {
        self.cookie.compare_exchange(0, BUSY, SeqCst, SeqCst).is_ok()
    }

    /// Takes it if its holders have all died without closing.
    pub fn reclaim(&self, alive: impl Fn(Token) -> bool) -> bool {
        let cookie = self.cookie.load(SeqCst);
        let abandoned = cookie != BUSY && self.bury_the_dead(alive) == Left::Nobody;
        abandoned && self.cookie.compare_exchange(cookie, BUSY, SeqCst, SeqCst).is_ok()
    }

    /// A slot that was taken is that of a new connection, held once by `me`.
    pub fn fill(&self, cookie: u64, me: Token) {
        self.marks.store(0, SeqCst);
        self.leaked.store(u32::MAX, SeqCst);
        self.watchers.store(0, SeqCst);
        for (at, cell) in self.cells.iter().enumerate() {
            cell.store(if at == 0 { pack(me, 1) } else { 0 }, SeqCst);
        }
        self.cookie.store(cookie, SeqCst);
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

    /// Marks it as leaked to a process that was made at `seconds` after boot, or later; 0
    /// where that is not known, and stays unknown.
    pub fn leak(&self, seconds: u32) {
        self.leaked.fetch_min(seconds, SeqCst);
        self.mark(Marks::LEAKED);
    }

    /// Seconds after boot: nobody who was started before has got it uncounted.
    pub fn leaked(&self) -> u32 {
        self.leaked.load(SeqCst)
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

    /// Lowers the count of `me` by one and says whether anybody is left. Where
    /// nobody is, the slot is free again; and how many sets watched it then.
    pub fn release(&self, me: Token, alive: impl Fn(Token) -> bool) -> (Left, u32) {
        let cookie = self.cookie.load(SeqCst);
        self.change(me, -1);
        let left = match self.bury_the_dead(alive) {
            Left::Elsewhere if self.holders().any(|holder| holder == me) => Left::Here,
            left => left,
        };
        // Before anybody else can take it.
        let watchers = self.watchers.load(SeqCst);
        if left == Left::Nobody {
            // Not a plain store: another releaser may have freed it already, and
            // a third process taken it.
            let _ = self.cookie.compare_exchange(cookie, 0, SeqCst, SeqCst);
        }
        (left, watchers)
    }

    /// Adds `by` to the holder's cell; false where it has none.
    fn change(&self, holder: Token, by: i64) -> bool {
        self.cells.iter().any(|cell| {
            let update = |word| (token_of(word) == Some(holder)).then(|| shift(word, by));
            cell.fetch_update(SeqCst, SeqCst, update).is_ok()
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
        count if count > 0 => word & !0xffff_ffff | count as u64,
        _ => 0,
    }
}

//! Who holds one open file description: a cell for each process.
//!
//! A cell has the process' [`Token`] and its number of descriptors. `dup` raises
//! the own cell, `fork` adds one for the child before it exists, `close` lowers
//! its own *and then* looks at the others: who finds them empty is the last
//! holder. A child that is killed leaves its cell behind: the count errs on the
//! safe side until [`super::family`] finds the process dead.
//!
//! A process that is about to be another program marks its cell as [`IN_TRANSIT`]: what that
//! program does with the connection nobody knows until it says what it has. If it ends
//! without having said so, it may have handed the connection on, and the slot is marked
//! [`Marks::HANDED_ON`] before the cell is emptied.
//!
//! A message with the connection is counted too ([`Slot::depart`]) until its receiver, who
//! has raised his own cell before, takes it back.
//!
//! Context: hooks of any kind, in shared memory. Lock-free; two processes that
//! release at the same instant both see the other's cell gone, never both still
//! there.
//!
//! # Atomic orderings
//! `SeqCst` throughout: the proof needs "my release, then my look at the others"
//! in one total order over all processes, and these run a few times a connection.

use super::marks::{MarkWord, Marks, MarksSeen};
use super::token::Token;
use crate::sync::{AtomicU32, AtomicU64, SeqCst};
use crate::zeroed;

const CELLS: usize = 5;
/// A change that is overtaken so often is given up: nobody in a hook waits for others.
const TRIES: usize = 128;
/// More descriptors than a process has of one connection.
const MANY: u32 = 1 << 20;
/// In a cell: the holder runs, or is about to run, a program that has not said what it has.
const IN_TRANSIT: u64 = 1 << 31;
const COUNT: u64 = IN_TRANSIT - 1;
/// In the word of messages: how many are under way.
const UNDER_WAY: u64 = (1 << 8) - 1;
/// Above: the socket that they were sent on, by the lower half of its cookie.
const VIA: u64 = (u32::MAX as u64) << 8;
/// Above: how often a message has departed or a holder was added, modulo 2^24. Who has seen no
/// addition between two looks has missed nobody who was handed on from one cell or message to
/// another that he had looked at before.
const ADDED: u64 = 1 << 40;

fn via(cookie: u64) -> u64 {
    cookie << 8 & VIA
}

/// Whether anybody else holds a description that we have just released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
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
    pub remaining: Remaining,
    /// How many epoll sets watched it then.
    pub watchers: u32,
    /// What was marked on it then.
    pub marks: Marks,
    /// Whether a message with it was under way then.
    pub is_message_under_way: bool,
    /// See [`Slot::has_additions_since`].
    pub added: u64,
    /// Whether the caller is to free the slot, as nobody is left.
    pub is_over: bool,
}

impl Released {
    /// Nothing was held.
    pub const NOTHING: Self = Self {
        remaining: Remaining::Here,
        watchers: 0,
        marks: Marks::NONE,
        is_message_under_way: false,
        added: 0,
        is_over: false,
    };
}

zeroed! {
    /// One description. All zeroes: free.
    #[derive(Default)]
    #[repr(align(64))]
    pub struct Slot {
        /// `SO_COOKIE` of the connection; 0: free, or being filled.
        cookie: AtomicU64,
        /// Token in the upper half, number of descriptors in the lower; 0: empty.
        cells: [AtomicU64; CELLS],
        /// [`Marks`], and above how often one was made: see [`Slot::unmark_leaked`].
        marks: MarkWord,
        /// How often epoll sets watch it, under numbers of any process; see
        /// [`crate::holders::watch::membership`].
        watchers: AtomicU32,
        /// How many messages with it are under way, and on which socket they were sent.
        messages: AtomicU64,
    }
}

impl Slot {
    /// A slot that was taken is that of a new connection, held once by `me`.
    pub fn fill(&self, cookie: u64, me: Token) {
        self.marks.clear();
        self.watchers.store(0, SeqCst);
        let fresh = |word: u64| Some((word / ADDED * ADDED).wrapping_add(ADDED));
        let _ = self.messages.fetch_update(SeqCst, SeqCst, fresh);
        for (at, cell) in self.cells.iter().enumerate() {
            cell.store(if at == 0 { pack(me, 1) } else { 0 }, SeqCst);
        }
        self.cookie.store(cookie, SeqCst);
    }

    /// Makes it a copy of `other`, in memory that nobody shares yet. While `other` is still
    /// in use by other threads of `me`, their process counts here as a holder of [`MANY`].
    pub fn copy(&self, other: &Self, me: Token) {
        let cookie = other.cookie.load(SeqCst);
        self.marks.copy(&other.marks);
        self.watchers.store(other.watchers.load(SeqCst), SeqCst);
        self.messages.store(other.messages.load(SeqCst), SeqCst);
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
            let by = i64::from(other.count(me)) - i64::from(MANY);
            self.change(me, |word| shift(word, by));
        }
    }

    fn count(&self, holder: Token) -> u32 {
        let words = self.cells.iter().map(|cell| cell.load(SeqCst));
        words
            .filter(|&word| token_of(word) == Some(holder))
            .fold(0, |sum: u32, word| sum.saturating_add((word & COUNT) as u32))
    }

    /// Takes the connection out if its holders have all died without closing: whoever is
    /// answered true frees the slot.
    pub fn take_out_if_dead(&self, alive: impl Fn(Token) -> bool) -> bool {
        let cookie = self.cookie.load(SeqCst);
        cookie != 0 && self.look(alive).0 == Remaining::Nobody && self.is_given_up() && self.take_out(cookie)
    }

    /// A message that nobody receives is waited for until somebody looks for the second time:
    /// who receives it later finds no slot, and knows nothing of the connection.
    fn is_given_up(&self) -> bool {
        let was_awaited = self.marks().has(Marks::AWAITED);
        self.mark(Marks::AWAITED);
        was_awaited || !self.is_message_under_way()
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
        self.marks.seen().marks()
    }

    /// Adds a mark, for every process of the family.
    pub fn mark(&self, mark: Marks) {
        self.marks.add(mark);
    }

    /// What [`Slot::unmark_leaked`] takes, to be read before the look.
    pub fn marks_seen(&self) -> MarksSeen {
        self.marks.seen()
    }

    /// A look at all processes that began after `seen` was read has found nobody who is not
    /// counted: what leaked did so to nobody who is still there. Not if anything was marked
    /// since.
    pub fn unmark_leaked(&self, seen: MarksSeen) {
        self.marks.unmark_leaked(seen);
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
        if !(self.change(holder, |word| shift(word, 1)) || self.enter(pack(holder, 1))) {
            self.mark(Marks::CROWDED);
        }
    }

    /// `holder` executes another program with one descriptor of it more.
    pub fn hold_in_transit(&self, holder: Token) {
        if !(self.change(holder, |word| shift(word, 1) | IN_TRANSIT) || self.enter(pack(holder, 1) | IN_TRANSIT)) {
            self.mark(Marks::HANDED_ON);
        }
    }

    /// `holder` is about to be another program, which gets it.
    pub fn begin_transit(&self, holder: Token) {
        if !self.change(holder, |word| word | IN_TRANSIT) {
            self.mark(Marks::HANDED_ON);
        }
    }

    /// It has not become another program.
    pub fn cancel_transit(&self, holder: Token) {
        self.change(holder, |word| word & !IN_TRANSIT);
    }

    /// The program that `holder` runs has said that it has so many descriptors of it, and is
    /// followed from now on.
    pub fn end_transit(&self, holder: Token, count: u32) {
        let counted = if count == 0 { 0 } else { pack(holder, count) };
        if !self.change(holder, |_| counted) && count != 0 && !self.enter(counted) {
            self.mark(Marks::CROWDED);
        }
    }

    /// Whether the program that `holder` runs has it, as far as is known, and has not said so.
    pub fn is_in_transit(&self, holder: Token) -> bool {
        self.cells.iter().any(|cell| {
            let word = cell.load(SeqCst);
            token_of(word) == Some(holder) && word & IN_TRANSIT != 0
        })
    }

    /// A message with it is about to be sent on the socket with this cookie. Messages on more
    /// than one socket at the same time are not told apart.
    pub fn depart(&self, sender: u64) {
        let one_more = |word: u64| match word & UNDER_WAY {
            0 => Some((word & !VIA | via(sender) | 1).wrapping_add(ADDED)),
            UNDER_WAY => None,
            _ => (word & VIA == via(sender)).then_some((word + 1).wrapping_add(ADDED)),
        };
        if self.messages.fetch_update(SeqCst, SeqCst, one_more).is_err() {
            self.mark(Marks::PASSED);
        }
    }

    /// A message that was sent on that socket has been received, by somebody who is counted,
    /// or was not sent at all; false where none is known to be under way.
    pub fn arrive(&self, sender: u64) -> bool {
        let one_less = |word: u64| (word & UNDER_WAY != 0 && word & VIA == via(sender)).then(|| word - 1);
        self.messages.fetch_update(SeqCst, SeqCst, one_less).is_ok()
    }

    fn is_message_under_way(&self) -> bool {
        self.messages.load(SeqCst) & UNDER_WAY != 0
    }

    /// Whether anybody was added since, or a message departed, or the slot is another
    /// connection's: who was left then may have handed it on.
    pub fn has_additions_since(&self, added: u64) -> bool {
        self.messages.load(SeqCst) / ADDED != added
    }

    /// Who is left, whether a message is under way, both at one moment, and what had been added
    /// until then; in doubt there is a message.
    fn look(&self, alive: impl Fn(Token) -> bool) -> (Remaining, bool, u64) {
        const LOOKS: usize = 4;
        for _ in 0..LOOKS {
            let before = self.messages.load(SeqCst);
            let left = self.empty_cells_of_dead(&alive);
            let after = self.messages.load(SeqCst);
            if before / ADDED == after / ADDED {
                return (left, (before | after) & UNDER_WAY != 0, before / ADDED);
            }
        }
        (self.empty_cells_of_dead(alive), true, 0)
    }

    /// Lowers the count of `me` by one and says whether anybody is left.
    pub fn release(&self, me: Token, alive: impl Fn(Token) -> bool) -> Released {
        let cookie = self.cookie.load(SeqCst);
        let was_counted = self.change(me, |word| shift(word, -1));
        let (left, is_message_under_way, added) = self.look(alive);
        // Before anybody else can take it.
        let (watchers, marks) = (self.watchers.load(SeqCst), self.marks());
        // Another releaser may have freed it already, and a third process taken it.
        let is_over = left == Remaining::Nobody && !is_message_under_way && self.take_out(cookie);
        let remaining = match left {
            _ if !was_counted => Remaining::Unknown,
            Remaining::Elsewhere if self.holders().any(|holder| holder == me) => Remaining::Here,
            left => left,
        };
        Released { remaining, watchers, marks, is_message_under_way, added, is_over }
    }

    /// Changes the holder's cell; false where it has none.
    fn change(&self, holder: Token, to: impl Fn(u64) -> u64) -> bool {
        self.cells.iter().any(|cell| {
            let mut word = cell.load(SeqCst);
            for _ in 0..TRIES {
                if token_of(word) != Some(holder) {
                    return false;
                }
                match cell.compare_exchange(word, to(word), SeqCst, SeqCst) {
                    Ok(_) => return true,
                    Err(now) => word = now,
                }
            }
            false
        })
    }

    fn enter(&self, word: u64) -> bool {
        let is_in = self.cells.iter().any(|cell| cell.compare_exchange(0, word, SeqCst, SeqCst).is_ok());
        // Before whoever has added it can give up its own.
        self.messages.fetch_add(ADDED, SeqCst);
        is_in
    }

    /// Empties the cells of processes that have ended, and says who is left.
    fn empty_cells_of_dead(&self, alive: impl Fn(Token) -> bool) -> Remaining {
        let mut left = Remaining::Nobody;
        for cell in &self.cells {
            let word = cell.load(SeqCst);
            match token_of(word) {
                Some(token) if alive(token) => left = Remaining::Elsewhere,
                Some(_) => {
                    if word & IN_TRANSIT != 0 {
                        self.mark(Marks::HANDED_ON);
                    }
                    let _ = cell.compare_exchange(word, 0, SeqCst, SeqCst);
                }
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
    match (word & COUNT) as i64 + by {
        count if count > 0 => word & !COUNT | (count as u64).min(COUNT),
        _ => 0,
    }
}

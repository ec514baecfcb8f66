//! The processes that hold one open file description: a slot, with a cell for each process.
//!
//! A cell has the [`Token`] of a process and the number of its descriptors for the connection.
//! `dup` raises the number in the process' own cell. `fork` adds a cell for the child before the
//! child exists. `close` lowers the number in the process' own cell, *and then* looks at the other
//! cells: a process that finds them empty is the last holder. A child that is killed leaves its cell
//! behind: until [`super::family`] finds that the process is dead it counts as a holder, which is
//! the safe side.
//!
//! A process that is about to execute another program marks its cell as *in transit*: until the
//! constructor of that program has said what it has, nobody knows what becomes of the connection.
//! If the program ends without having said so, it may have handed the connection on. Then the slot
//! is marked [`Marks::HANDED_ON`] before the cell is emptied.
//!
//! A message with the connection is counted as well ([`Slot::depart`]). Its receiver first raises
//! its own cell, and then takes the message back ([`Slot::arrive`]).
//!
//! Context: hooks of any kind, in shared memory. Lock-free: of two processes that release at the
//! same instant, at least one finds the other's cell empty.
//!
//! # Atomic orderings
//! `SeqCst` throughout: the proof needs "my release, then my look at the others" in one total order
//! over all processes, and these run a few times for each connection.

use super::marks::{MarkWord, Marks, MarksSeen};
use super::token::Token;
use crate::sync::{AtomicU32, AtomicU64, SeqCst};
use crate::zeroed;

const CELLS: usize = 5;
/// A change is given up after so many tries: a hook never waits for other threads.
const TRIES: usize = 128;
/// More descriptors than a process has of one connection.
const MANY: u32 = 1 << 20;
/// In a cell: the holder executes, or runs, a program that has not said yet what it has.
const IN_TRANSIT: u64 = 1 << 31;
const COUNT: u64 = IN_TRANSIT - 1;
/// In the word of messages: how many messages with the connection are under way.
const UNDER_WAY: u64 = (1 << 8) - 1;
/// In the word of messages, above: the lower half of the cookie of the socket that they were sent on.
const VIA: u64 = (u32::MAX as u64) << 8;
/// In the word of messages, above: how often a message has departed or a holder was added, modulo
/// 2^24. Where the number is the same before and after a look at the cells, nobody can have moved
/// the connection, during that look, from a place not yet looked at to one that was.
const ADDED: u64 = 1 << 40;

fn via(cookie: u64) -> u64 {
    cookie << 8 & VIA
}

/// Which holders are left of a description that the calling process has just released.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remaining {
    /// Nobody, as far as the counts know.
    Nobody,
    /// Other processes, and not this one.
    Elsewhere,
    /// This process, by another descriptor.
    Here,
    /// This process had no cell: there are too many holders, or it noted the description while it
    /// left the memory.
    Unknown,
}

/// What a release has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Released {
    /// Which holders are left.
    pub remaining: Remaining,
    /// How many epoll sets watched the connection.
    pub watchers: u32,
    /// What was marked on the connection.
    pub marks: Marks,
    /// Whether a message with the connection was under way.
    pub is_message_under_way: bool,
    /// For [`Slot::has_additions_since`].
    pub added: u64,
    /// Whether the caller has to free the slot, as no holder is left.
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
    /// One open file description. All zeroes: the slot is free.
    #[derive(Default)]
    #[repr(align(64))]
    pub struct Slot {
        /// `SO_COOKIE` of the connection; 0: the slot is free, or is being filled.
        cookie: AtomicU64,
        /// Token in the upper half, number of descriptors in the lower; 0: empty.
        cells: [AtomicU64; CELLS],
        /// [`Marks`], and above them how often one was made: see [`Slot::unmark_leaked`].
        marks: MarkWord,
        /// How many epoll sets watch the connection, under numbers of any process; see
        /// [`crate::holders::sets::membership`].
        watchers: AtomicU32,
        /// How many messages with the connection are under way, and on which socket they were sent.
        messages: AtomicU64,
    }
}

impl Slot {
    /// Fills a slot that was taken: a new connection, held once by `me`.
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

    /// Makes this slot a copy of `other`, in memory that no other process has yet. While other threads
    /// of `me` still use `other`, the process counts here as a holder of `MANY` descriptors.
    pub fn copy(&self, other: &Self, me: Token) {
        let cookie = other.cookie.load(SeqCst);
        self.marks.copy(&other.marks);
        self.watchers.store(other.watchers.load(SeqCst), SeqCst);
        self.messages.store(other.messages.load(SeqCst), SeqCst);
        for (to, from) in self.cells.iter().zip(&other.cells) {
            let word = from.load(SeqCst);
            to.store(if token_of(word) == Some(me) { pack(me, MANY) } else { word }, SeqCst);
        }
        // The slot may be that of another connection by now.
        if other.cookie.load(SeqCst) == cookie {
            self.cookie.store(cookie, SeqCst);
        }
    }

    /// From now on `me` counts here and no longer in `other`: its number of descriptors is the one
    /// that it had there at the copy, and what it opened and closed since.
    pub fn settle(&self, other: &Self, me: Token) {
        if self.count(me) >= MANY / 2 {
            let by = i64::from(other.count(me)) - i64::from(MANY);
            self.change(me, |word| add_descriptors(word, by));
        }
    }

    fn count(&self, holder: Token) -> u32 {
        let words = self.cells.iter().map(|cell| cell.load(SeqCst));
        words
            .filter(|&word| token_of(word) == Some(holder))
            .fold(0, |sum: u32, word| sum.saturating_add((word & COUNT) as u32))
    }

    /// Takes the connection out if all its holders have died without closing it. Of several callers
    /// one is answered true, and frees the slot.
    pub fn take_out_if_dead(&self, alive: impl Fn(Token) -> bool) -> bool {
        let cookie = self.cookie.load(SeqCst);
        cookie != 0 && self.examine(alive).0 == Remaining::Nobody && self.is_given_up() && self.take_out(cookie)
    }

    /// A message that nobody receives keeps the slot until the second search for free slots finds no
    /// holder. A process that receives the message later finds no slot, and does not know the
    /// connection.
    fn is_given_up(&self) -> bool {
        let was_awaited = self.marks().has(Marks::AWAITED);
        self.mark(Marks::AWAITED);
        was_awaited || !self.is_message_under_way()
    }

    /// Of several processes that find no holder left, one takes the connection out.
    fn take_out(&self, cookie: u64) -> bool {
        cookie != 0 && self.cookie.compare_exchange(cookie, 0, SeqCst, SeqCst).is_ok()
    }

    /// Whether the slot is that of the connection with this cookie.
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

    /// The marks of now, to be read before the look that leads to [`Slot::unmark_leaked`].
    pub fn marks_seen(&self) -> MarksSeen {
        self.marks.seen()
    }

    /// Takes [`Marks::LEAKED`] away, unless a mark was made after `seen` was read. To be called where a
    /// look at all processes, which began after `seen` was read, has found no process that has the
    /// connection and is not counted.
    pub fn unmark_leaked(&self, seen: MarksSeen) {
        self.marks.unmark_leaked(seen);
    }

    /// The connection is about to be put into one more epoll set.
    pub fn add_watcher(&self) {
        self.watchers.fetch_add(1, SeqCst);
    }

    /// The connection is in `count` epoll sets less.
    pub fn remove_watchers(&self, count: u32) {
        let fewer = |watchers: u32| Some(watchers.saturating_sub(count));
        let _ = self.watchers.fetch_update(SeqCst, SeqCst, fewer);
    }

    /// The processes that have a cell, living or dead.
    pub fn holders(&self) -> impl Iterator<Item = Token> {
        self.cells.iter().filter_map(|cell| token_of(cell.load(SeqCst)))
    }

    /// Raises the count of `holder` by one descriptor.
    pub fn hold(&self, holder: Token) {
        if !(self.change(holder, |word| add_descriptors(word, 1)) || self.enter(pack(holder, 1))) {
            self.mark(Marks::CROWDED);
        }
    }

    /// `holder` executes another program, which gets one descriptor more of the connection.
    pub fn hold_in_transit(&self, holder: Token) {
        if !(self.change(holder, |word| add_descriptors(word, 1) | IN_TRANSIT)
            || self.enter(pack(holder, 1) | IN_TRANSIT))
        {
            self.mark(Marks::HANDED_ON);
        }
    }

    /// `holder` is about to execute another program, which gets its descriptors of the connection.
    pub fn begin_transit(&self, holder: Token) {
        if !self.change(holder, |word| word | IN_TRANSIT) {
            self.mark(Marks::HANDED_ON);
        }
    }

    /// `holder` has not executed another program: the call has failed.
    pub fn cancel_transit(&self, holder: Token) {
        self.change(holder, |word| word & !IN_TRANSIT);
    }

    /// The program that `holder` runs has said in its constructor that it has `count` descriptors of
    /// the connection. From now on hooks follow it.
    pub fn end_transit(&self, holder: Token, count: u32) {
        let counted = if count == 0 { 0 } else { pack(holder, count) };
        if !self.change(holder, |_| counted) && count != 0 && !self.enter(counted) {
            self.mark(Marks::CROWDED);
        }
    }

    /// Whether `holder` executes or runs a program that got the connection and has not said yet what
    /// it has.
    pub fn is_in_transit(&self, holder: Token) -> bool {
        self.cells.iter().any(|cell| {
            let word = cell.load(SeqCst);
            token_of(word) == Some(holder) && word & IN_TRANSIT != 0
        })
    }

    /// A message with the connection is about to be sent on the socket with cookie `sender`. Messages
    /// on more than one socket at the same time cannot be told apart: then the connection is marked
    /// [`Marks::PASSED`].
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

    /// A message that was sent on that socket was received by a process that is counted, or was not
    /// sent at all. False where no message is known to be under way on that socket.
    pub fn arrive(&self, sender: u64) -> bool {
        let one_less = |word: u64| (word & UNDER_WAY != 0 && word & VIA == via(sender)).then(|| word - 1);
        self.messages.fetch_update(SeqCst, SeqCst, one_less).is_ok()
    }

    /// Whether the connection may be where no look at procfs finds it.
    pub fn may_be_hidden(&self) -> bool {
        self.is_message_under_way() || self.marks().has_any(Marks::HIDDEN)
    }

    fn is_message_under_way(&self) -> bool {
        self.messages.load(SeqCst) & UNDER_WAY != 0
    }

    /// Whether a holder was added since, or a message departed, or the slot belongs to another
    /// connection: a process that was left then may have handed the connection on.
    pub fn has_additions_since(&self, added: u64) -> bool {
        self.messages.load(SeqCst) / ADDED != added
    }

    /// The holders that are left and whether a message is under way, both at one moment, and the number
    /// of additions until then. Where other threads change the slot at each try: a message is under way.
    fn examine(&self, alive: impl Fn(Token) -> bool) -> (Remaining, bool, u64) {
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
        let was_counted = self.change(me, |word| add_descriptors(word, -1));
        let (left, is_message_under_way, added) = self.examine(alive);
        // Before another process can take the slot.
        let (watchers, marks) = (self.watchers.load(SeqCst), self.marks());
        // Another process may have freed the slot already, and a third one have taken it.
        let is_over = left == Remaining::Nobody && !is_message_under_way && self.take_out(cookie);
        let remaining = match left {
            _ if !was_counted => Remaining::Unknown,
            Remaining::Elsewhere if self.holders().any(|holder| holder == me) => Remaining::Here,
            left => left,
        };
        Released { remaining, watchers, marks, is_message_under_way, added, is_over }
    }

    /// Changes the cell of `holder`; false where it has none.
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
        // Before the caller, or whoever it adds a cell for, can give up its own.
        self.messages.fetch_add(ADDED, SeqCst);
        is_in
    }

    /// Empties the cells of processes that have ended, and says which holders are left.
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

/// Adds `by` descriptors. A cell that reaches zero descriptors is empty as a whole.
fn add_descriptors(word: u64, by: i64) -> u64 {
    match (word & COUNT) as i64 + by {
        count if count > 0 => word & !COUNT | (count as u64).min(COUNT),
        _ => 0,
    }
}

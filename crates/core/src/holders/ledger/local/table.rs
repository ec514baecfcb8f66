//! What this process knows of each of its descriptor numbers.
//!
//! An entry is a hint: a number may have been closed and used again without a hook (`close_range` by
//! a raw system call). So a thread that acts on an entry compares the cookie of the socket first.
//! A fork copies the table, as all memory.
//!
//! Context: hooks of any kind; lock-free. Of two threads that close the same number, one gets the
//! entry from [`FdTable::take`], and the other nothing.

use crate::holders::ledger::memory::descriptions::SlotId;
use crate::holders::sets::membership::Membership;
use crate::sys::Fd;
use crate::sys::region::Region;
use crate::sys::socket::Role;
use crate::zeroed;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

/// All that is known of one number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The slot of its connection; `None` where this process does not count it.
    pub slot: Option<SlotId>,
    /// Which side opened the connection.
    pub role: Role,
    /// The epoll sets that watch the number.
    pub watched: Membership,
    /// A hook has seen the number being put into a set, now or earlier. So the program uses it with hooks,
    /// and not by raw system calls.
    pub was_watched: bool,
}

zeroed! {
    struct Cell {
        slot: AtomicU32,
        flags: AtomicU32,
        /// A [`Membership`].
        watched: AtomicU64,
    }
}

impl Cell {
    const fn new() -> Self {
        Self { slot: AtomicU32::new(0), flags: AtomicU32::new(0), watched: AtomicU64::new(0) }
    }
}

const CONNECTED: u32 = 1;
const WATCHED: u32 = 2;

/// Numbers below this have their cells in the table itself, which lies in a page that a fork child
/// and its parent write to anyway.
const NEAR: usize = 64;

/// A cell for each number.
pub struct FdTable {
    near: [Cell; NEAR],
    /// The cells of all other numbers. There are cells for the near ones too, which are never touched.
    far: Region<Cell>,
    /// One more than the highest number that was ever noted.
    end: AtomicU32,
}

impl FdTable {
    /// An empty table, with nothing mapped yet.
    pub const fn new() -> Self {
        Self { near: [const { Cell::new() }; NEAR], far: Region::new(), end: AtomicU32::new(0) }
    }

    /// Maps room for numbers below `len`.
    pub fn ensure(&self, len: usize) -> bool {
        self.far.ensure(len)
    }

    /// Whether anything can be noted of `fd`.
    pub fn has_room(&self, fd: Fd) -> bool {
        self.cell(fd.index()).is_some()
    }

    fn cell(&self, index: usize) -> Option<&Cell> {
        self.near.get(index).or_else(|| self.far.get(index))
    }

    /// Notes that `fd`, whose entry was taken before, now refers to `slot`.
    pub fn set(&self, fd: Fd, slot: SlotId, role: Role) {
        let Some(cell) = self.note(fd) else { return };
        cell.flags.store(if role == Role::Connected { CONNECTED } else { 0 }, SeqCst);
        cell.slot.store(slot.raw(), SeqCst);
    }

    /// Notes that the program connected `fd`.
    pub fn set_connected(&self, fd: Fd) {
        if let Some(cell) = self.note(fd) {
            cell.flags.fetch_or(CONNECTED, SeqCst);
        }
    }

    /// Changes what is known of the sets that watch `fd`; answers what was known before.
    pub fn watch(&self, fd: Fd, change: impl Fn(Membership) -> Membership) -> Membership {
        let Some(cell) = self.note(fd) else { return Membership::default() };
        let update = |word| Some(change(Membership::from_word(word)).word());
        let (Ok(old) | Err(old)) = cell.watched.fetch_update(SeqCst, SeqCst, update);
        Membership::from_word(old)
    }

    /// Notes that a hook has seen `fd` being put into a set.
    pub fn set_watched(&self, fd: Fd) {
        if let Some(cell) = self.note(fd) {
            cell.flags.fetch_or(WATCHED, SeqCst);
        }
    }

    /// The slot of `fd`.
    pub fn slot(&self, fd: Fd) -> Option<SlotId> {
        SlotId::new(self.cell(fd.index())?.slot.load(SeqCst))
    }

    /// What is known of `fd`.
    pub fn look(&self, fd: Fd) -> Entry {
        self.cell(fd.index()).map_or(Entry::UNKNOWN, |cell| self.entry(cell, cell.slot.load(SeqCst)))
    }

    /// Takes what is known of `fd`, which is about to be closed.
    pub fn take(&self, fd: Fd) -> Entry {
        let Some(cell) = self.cell(fd.index()) else { return Entry::UNKNOWN };
        let entry = self.entry(cell, cell.slot.swap(0, SeqCst));
        cell.watched.store(0, SeqCst);
        cell.flags.store(0, SeqCst);
        entry
    }

    fn entry(&self, cell: &Cell, slot: u32) -> Entry {
        let flags = cell.flags.load(SeqCst);
        let role = if flags & CONNECTED != 0 { Role::Connected } else { Role::Accepted };
        let watched = Membership::from_word(cell.watched.load(SeqCst));
        Entry { slot: SlotId::new(slot), role, watched, was_watched: flags & WATCHED != 0 }
    }

    /// Calls `visit` for every number that has a slot.
    pub fn each(&self, mut visit: impl FnMut(Fd, SlotId)) {
        self.known(0).for_each(|(fd, slot)| visit(fd, slot));
    }

    /// The first number from `first` on that has a slot and for which `is_it` answers true.
    pub fn find(&self, first: u32, is_it: impl Fn(Fd, SlotId) -> bool) -> Option<Fd> {
        self.known(first as usize).find(|&(fd, slot)| is_it(fd, slot)).map(|(fd, _)| fd)
    }

    fn known(&self, first: usize) -> impl Iterator<Item = (Fd, SlotId)> {
        let end = (self.end.load(SeqCst) as usize).min(self.far.len().max(NEAR));
        (first..end).filter_map(|index| {
            let slot = SlotId::new(self.cell(index)?.slot.load(SeqCst))?;
            Some((Fd::new(index as i32)?, slot))
        })
    }

    fn note(&self, fd: Fd) -> Option<&Cell> {
        self.end.fetch_max(fd.raw() as u32 + 1, SeqCst);
        self.cell(fd.index())
    }
}

impl Entry {
    /// Nothing is known.
    pub const UNKNOWN: Self = Self { slot: None, role: Role::Accepted, watched: Membership::NONE, was_watched: false };

    /// The entry of a number whose connection this process does not count: the sets that watch it are all that is
    /// known.
    pub fn uncounted(self) -> Self {
        Self { watched: self.watched, ..Self::UNKNOWN }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> FdTable {
        let table = FdTable::new();
        assert!(table.ensure(NEAR + 16));
        table
    }

    fn fd(raw: i32) -> Fd {
        Fd::new(raw).unwrap()
    }

    fn slot(raw: u32) -> SlotId {
        SlotId::new(raw).unwrap()
    }

    #[test]
    fn only_one_closer_gets_the_entry() {
        let table = table();
        table.set(fd(4), slot(9), Role::Connected);
        let entry = table.take(fd(4));
        assert_eq!((entry.slot, entry.role), (Some(slot(9)), Role::Connected));
        assert_eq!(table.take(fd(4)).slot, None);
    }

    #[test]
    fn the_sets_of_a_number_are_forgotten_with_it() {
        let table = table();
        table.set(fd(4), slot(9), Role::Accepted);
        table.set_watched(fd(4));
        table.watch(fd(4), |sets| sets.joining(fd(7), None));
        assert_eq!(table.look(fd(4)).watched.only(), Some(fd(7)));
        assert!(table.take(fd(4)).was_watched);
        let entry = table.take(fd(4));
        assert_eq!((entry.watched, entry.was_watched), (Membership::NONE, false));
    }

    #[test]
    fn numbers_beyond_the_table_are_unknown() {
        let table = table();
        let beyond = fd(NEAR as i32 + 16);
        table.set(beyond, slot(1), Role::Accepted);
        assert_eq!(table.take(beyond), Entry::UNKNOWN);
    }

    #[test]
    fn near_and_far_numbers_are_one_table() {
        let table = table();
        let numbers = [3, NEAR as i32 - 1, NEAR as i32, NEAR as i32 + 15].map(fd);
        numbers.iter().for_each(|&fd| table.set(fd, slot(7), Role::Accepted));
        let mut seen = Vec::new();
        table.each(|fd, _| seen.push(fd));
        assert_eq!(seen, numbers);
    }
}

//! Connections that may have leaked into a process beside a fork, and how they are trusted again.
//!
//! A descriptor that one thread makes while another thread forks may be in the child, and no count says
//! so. It is marked [`Marks::LEAKED`]. The drain's looker looks for all connections with that mark at
//! once, before they are closed. Where it finds no other process the mark is taken away: every process
//! that gets the connection later is counted.
//!
//! Three things would make that wrong, and each is asked about: a process that was being made when the
//! look began, and could not be seen yet; a mark that was made meanwhile; a program that got an
//! uncounted connection and may have handed it on.
//!
//! Context: [`Ledger::leaked`] and [`Ledger::not_leaked`] run on the thread of the looker.

use super::memory::descriptions::SlotId;
use super::memory::marks::{Marks, MarksSeen};
use super::owner::{Ledger, Owner};
use crate::sys::{Fd, socket};
use core::sync::atomic::Ordering::SeqCst;

/// How many connections are looked for at once.
pub const MOST: usize = 32;

/// A connection that may have leaked.
#[derive(Clone, Copy, Debug)]
pub struct Leak {
    slot: SlotId,
    seen: MarksSeen,
    /// The inode of the socket, as procfs shows it.
    pub inode: u64,
}

impl Ledger {
    /// Whether a connection was marked since the last call: then the caller sends the looker.
    pub fn may_have_leaked(&self) -> bool {
        self.processes.may_have_leaked.load(SeqCst) && self.processes.may_have_leaked.swap(false, SeqCst)
    }

    /// The connections that are marked now, as many as there is room for. `None` while a process may be
    /// in the making, or a descriptor being taken.
    pub fn leaked(&self) -> Option<[Option<Leak>; MOST]> {
        let mut leaks = [None; MOST];
        let mut places = leaks.iter_mut();
        self.table.each(|fd, slot| {
            if let Some(leak) = self.leak_of(fd, slot)
                && let Some(place) = places.next()
            {
                *place = Some(leak);
            }
        });
        // After the marks were read.
        let may_be_unseen = self.owner().is_none_or(Owner::is_any_copy_under_way);
        (!may_be_unseen).then_some(leaks)
    }

    fn leak_of(&self, fd: Fd, slot: SlotId) -> Option<Leak> {
        let seen = self.descriptions().marks_seen(slot)?;
        let is_marked = seen.marks().has(Marks::LEAKED);
        let inode = if is_marked { socket::inode(fd).ok()? } else { return None };
        (self.slot_now(fd) == Some(slot)).then_some(Leak { slot, seen, inode })
    }

    /// A look that began after [`Ledger::leaked`] has found that no other process has the connection.
    pub fn not_leaked(&self, leak: Leak) {
        if !self.family().has_handed_on_uncounted() {
            self.descriptions().unmark_leaked(leak.slot, leak.seen);
        }
    }
}

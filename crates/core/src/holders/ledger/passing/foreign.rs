//! Connections that came from outside of the lineage. A program that no hook follows started this one
//! with them, or they arrived in a message that was not counted.
//!
//! They get a slot as all others do, and a mark that says what the counts cannot: another process may
//! still have them.
//!
//! Context: what is adopted for a program as a whole, the constructor; else hooks of any kind.

use crate::holders::ledger::local::creations::Stamp;
use crate::holders::ledger::memory::descriptions::SlotId;
use crate::holders::ledger::memory::marks::Marks;
use crate::holders::ledger::owner::{Ledger, Owner};
use crate::sys::socket::Role;
use crate::sys::{Fd, descriptors, socket};

/// The connections that a program is started with have low numbers, as a rule. To ask of every number at
/// every start would cost a system call each.
const FIRST: i32 = 16;

impl Ledger {
    /// Counts the connections that this program was started with and that were not counted for it.
    #[inline]
    pub(in crate::holders::ledger) fn adopt_inherited(&self) {
        let all = (0..FIRST).filter_map(Fd::new).filter(|&fd| self.is_uncounted_connection(fd));
        if let Some(owner) = self.owner() {
            all.for_each(|fd| _ = owner.adopt(fd, self.stamp()));
        }
    }

    /// As [`Ledger::adopt_inherited`], where the counts are lost and a look would not find all holders. All numbers
    /// are looked through.
    #[inline(never)]
    pub(in crate::holders::ledger) fn adopt_hidden(&self) {
        let Some(owner) = self.owner() else { return };
        let mut are_adopted = true;
        let are_all = descriptors::each(|fd| {
            if self.is_uncounted_connection(fd) {
                are_adopted &= owner.adopt_marked(fd, self.stamp(), Marks::FOREIGN_HANDED_ON).is_some();
            }
        });
        if !(are_all && are_adopted) && self.join().is_some() {
            self.family().hand_on_uncounted();
        }
    }

    fn is_uncounted_connection(&self, fd: Fd) -> bool {
        socket::may_be_connection(fd) && self.table.slot(fd).is_none() && socket::is_connected(fd)
    }
}

impl Owner<'_> {
    /// Counts `fd`, a connection for which this process has no count yet. `None` where there is no room: then
    /// the connection stays unknown.
    pub(in crate::holders::ledger) fn adopt(self, fd: Fd, since: Stamp) -> Option<SlotId> {
        self.adopt_marked(fd, since, Marks::FOREIGN)
    }

    /// As [`Owner::adopt`], with marks that are made before any other thread knows the number.
    pub(in crate::holders::ledger) fn adopt_marked(self, fd: Fd, since: Stamp, marks: Marks) -> Option<SlotId> {
        let (me, cookie) = (self.0.join()?, socket::cookie(fd).filter(|_| self.0.table.has_room(fd))?);
        let all = self.0.descriptions();
        let slot = self.join_as(cookie, me).or_else(|| all.open(cookie, me, |token| self.0.is_alive(token)))?;
        all.mark(slot, marks);
        self.0.family().raise_reach(slot.raw());
        // No hook has seen which options were set on it.
        self.0.set_options();
        self.note_descriptor(fd, slot, Role::Accepted, since);
        Some(slot)
    }
}

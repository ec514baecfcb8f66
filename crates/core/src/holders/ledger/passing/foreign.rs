//! Connections that came from outside of the lineage: a program was started with them by one
//! that is not followed, or they arrived in a message that nobody had counted.
//!
//! They get a slot like all others, and a mark that says what the counts cannot: somebody else
//! may have them still.
//!
//! Context: [`Ledger::adopt_inherited`] the constructor; hooks of any kind.

use crate::holders::ledger::local::creations::Stamp;
use crate::holders::ledger::memory::descriptions::SlotId;
use crate::holders::ledger::memory::marks::Marks;
use crate::holders::ledger::owner::{Ledger, Owner};
use crate::sys::socket::Role;
use crate::sys::{Fd, socket};

/// What a program is started with has low numbers, as a rule: the others are not worth a call
/// each at every start.
const FIRST: i32 = 16;

impl Ledger {
    /// What this program was started with, and nobody has counted for it.
    #[inline(never)]
    pub fn adopt_inherited(&self) {
        let is_one =
            |&fd: &Fd| socket::may_be_connection(fd) && self.table.slot(fd).is_none() && socket::is_connected(fd);
        let all = (0..FIRST).filter_map(Fd::new).filter(is_one);
        if let Some(owner) = self.owner() {
            all.for_each(|fd| _ = owner.adopt(fd, self.stamp()));
        }
    }
}

impl Owner<'_> {
    /// `fd` is a connection for which this process has no count yet; `None` where there is no
    /// room for it: then it is one that nobody knows.
    pub(in crate::holders::ledger) fn adopt(self, fd: Fd, since: Stamp) -> Option<SlotId> {
        self.adopt_marked(fd, since, Marks::FOREIGN)
    }

    /// The same, with marks that stand before any other thread knows the number.
    pub(in crate::holders::ledger) fn adopt_marked(self, fd: Fd, since: Stamp, marks: Marks) -> Option<SlotId> {
        let (me, cookie) = (self.0.join()?, socket::cookie(fd)?);
        let all = self.0.descriptions();
        let slot = self.join_now(fd).or_else(|| all.open(cookie, me, |token| self.0.is_alive(token)))?;
        all.mark(slot, marks);
        self.0.family().raise_reach(slot.raw());
        // What was set on it nobody has seen.
        self.0.set_options();
        self.refers(fd, slot, Role::Accepted, since);
        Some(slot)
    }
}

//! What another program gets of our connections without being counted.
//!
//! A program that is executed with a connection may hand it on (`SCM_RIGHTS`), to a process of any
//! age and any user, in this pid namespace or outside of it, or into a message that nobody has
//! received yet. Then it may end. No look at procfs can prove the contrary. So what is open and not
//! close-on-exec when another program is executed is either counted for that program
//! (`execution.rs`), or marked as handed on: never again can it be proved to be ours alone.
//!
//! Context: hooks of any kind, also in `vfork` children and in children that no hook has seen. All
//! stores are to shared memory, and say what is true of the parent as well.

use crate::holders::ledger::memory::descriptions::SlotId;
use crate::holders::ledger::memory::marks::Marks;
use crate::holders::ledger::owner::Ledger;
use crate::sys::{Fd, descriptors, socket};

/// So many numbers are asked, at 70 ns each; further ones count as not close-on-exec.
const ASKED: usize = 1 << 14;

impl Ledger {
    /// Before a program is executed for which nothing is counted: marks all that it gets.
    #[inline(never)]
    pub fn hand_on_kept(&self) {
        // A process without a connection shares nothing; see `Owner::before_spawn`.
        if self.me().is_some() {
            self.each_kept(|slot| self.descriptions().mark(slot, Marks::HANDED_ON));
        }
    }

    /// Calls `give` for each connection that another program gets, once for each number. Answers whether
    /// there is any, or an end of a socket pair.
    pub(in crate::holders::ledger) fn each_kept(&self, give: impl Fn(SlotId)) -> bool {
        let mut is_any = false;
        let are_all = descriptors::each(|fd| is_any |= !fd.is_close_on_exec() && self.keep(fd, &give));
        if !are_all {
            self.family().hand_on_uncounted();
            self.channels().hand_on_all();
            self.each_known_kept(give);
        }
        is_any || !are_all
    }

    fn keep(&self, fd: Fd, give: impl Fn(SlotId)) -> bool {
        if !socket::may_connect(fd) {
            return self.channels().begin_transit(fd);
        }
        match self.slot_now(fd) {
            Some(slot) => give(slot),
            None => self.family().hand_on_uncounted(),
        }
        true
    }

    /// As [`Ledger::each_kept`] for counted connections, where not every number could be listed.
    fn each_known_kept(&self, give: impl Fn(SlotId)) {
        let mut asked = 0;
        self.table.each(|fd, slot| {
            asked += 1;
            if asked > ASKED || !fd.is_close_on_exec() {
                give(slot);
            }
        });
    }

    /// Another program gets `fd`: marks it if it is a connection or an end of a socket pair.
    pub fn hand_on(&self, fd: Fd) {
        if !socket::may_connect(fd) {
            return self.channels().hand_on(fd);
        }
        self.mark_now(fd, Marks::HANDED_ON);
    }

    /// Marks the connection that `fd` is now, whichever process of the family counts it. An uncounted
    /// connection may be another process' as well: that is noted for the family as a whole.
    pub(in crate::holders::ledger) fn mark_now(&self, fd: Fd, mark: Marks) {
        match self.slot_now(fd) {
            Some(slot) => self.descriptions().mark(slot, mark),
            None => self.family().hand_on_uncounted(),
        }
    }

    /// A process that no hook follows gets a copy of the descriptor table, and can hand on all that is open.
    pub fn hand_on_all(&self) {
        self.family().hand_on_uncounted();
        self.channels().hand_on_all();
        self.table.each(|_, slot| self.descriptions().mark(slot, Marks::HANDED_ON));
    }

    /// A process that no count covers gets all that is open, and runs this program.
    pub fn leak_all(&self) {
        self.table.each(|_, slot| self.descriptions().mark(slot, Marks::LEAKED));
    }

    /// The slot of the connection that `fd` is now, whichever process of the family opened it.
    pub(in crate::holders::ledger) fn slot_now(&self, fd: Fd) -> Option<SlotId> {
        let cookie = socket::cookie(fd)?;
        let noted = self.table.slot(fd).filter(|&slot| self.descriptions().is(slot, cookie));
        noted.or_else(|| self.descriptions().find(cookie, self.family().reach()))
    }

    /// A thread is about to take a descriptor of another process (`pidfd_getfd`), or has done so.
    pub fn takes(&self, is_begin: bool) {
        self.family().takes(is_begin);
    }
}

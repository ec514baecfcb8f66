//! What another program gets of our connections, where nobody counts it.
//!
//! A program that is executed with a connection may hand it on (`SCM_RIGHTS`, to a process
//! of any age and any user, in or outside of this pid namespace, or into a message that
//! nobody has received yet), and end. No look at procfs can prove the contrary. So what is
//! open and not close-on-exec when another program is executed is counted for that one
//! ([`super::lineage`]), or else can never again be proved to be ours alone.
//!
//! Context: hooks of any kind, also in `vfork` children and in children that no hook has
//! seen: all stores are to shared memory, and say what is true of the parent as well.

use crate::holders::ledger::memory::descriptions::SlotId;
use crate::holders::ledger::memory::marks::Marks;
use crate::holders::ledger::owner::Ledger;
use crate::sys::{Fd, descriptors, socket};

/// So many numbers are asked for, at 70 ns each; of more it is assumed that they are kept.
const ASKED: usize = 1 << 14;

impl Ledger {
    /// Before a program is executed that nobody counts for.
    #[inline(never)]
    pub fn hand_on_kept(&self) {
        // Without a connection nothing is shared; see `Owner::before_spawn`.
        if self.me().is_some() {
            self.each_kept(|slot| self.descriptions().mark(slot, Marks::HANDED_ON));
        }
    }

    /// Calls `give` for each connection that another program gets, once for each number.
    /// Answers whether there is any, or an end of a pair.
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

    /// The same of those that are counted, where not every number can be looked at.
    fn each_known_kept(&self, give: impl Fn(SlotId)) {
        let mut asked = 0;
        self.table.each(|fd, slot| {
            asked += 1;
            if asked > ASKED || !fd.is_close_on_exec() {
                give(slot);
            }
        });
    }

    /// Another program gets `fd`, if it is a connection or one end of a pair.
    pub fn hand_on(&self, fd: Fd) {
        if !socket::may_connect(fd) {
            return self.channels().hand_on(fd);
        }
        self.mark_now(fd, Marks::HANDED_ON);
    }

    /// Marks the connection that `fd` is now, whoever of the family counts it. What nobody
    /// counts others of the family may have as well.
    pub(in crate::holders::ledger) fn mark_now(&self, fd: Fd, mark: Marks) {
        match self.slot_now(fd) {
            Some(slot) => self.descriptions().mark(slot, mark),
            None => self.family().hand_on_uncounted(),
        }
    }

    /// What is open can be handed on by somebody whom no hook follows from here on, and whose
    /// table of descriptors is a copy of this one.
    pub fn hand_on_all(&self) {
        self.family().hand_on_uncounted();
        self.channels().hand_on_all();
        self.table.each(|_, slot| self.descriptions().mark(slot, Marks::HANDED_ON));
    }

    /// A process that no count covers gets all that is open.
    pub fn leak_all(&self) {
        self.table.each(|_, slot| self.descriptions().mark(slot, Marks::LEAKED));
    }

    /// The slot of the connection that `fd` is now, whoever of the family opened it.
    pub(in crate::holders::ledger) fn slot_now(&self, fd: Fd) -> Option<SlotId> {
        let cookie = socket::cookie(fd)?;
        let noted = self.table.slot(fd).filter(|&slot| self.descriptions().is(slot, cookie));
        noted.or_else(|| self.descriptions().find(cookie, self.family().reach()))
    }

    /// Somebody is about to take a descriptor of another process, or has done so.
    pub fn takes(&self, is_begin: bool) {
        self.family().takes(is_begin);
    }
}

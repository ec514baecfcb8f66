//! A process leaves the memory of its family, and has a copy of its own.
//!
//! In the memory that it leaves, it stays a holder of what it holds with others: one that
//! hooks no longer follow, so that they look at it and trust no count. What only it held is
//! free there. In its copy is what it holds, and nothing else: what others hold as well is
//! marked, as they are not followed from here, and what it gets from now on is counted as
//! ever, for itself and the children that it makes.
//!
//! Other threads go on meanwhile. What they write to the old memory after it was copied is
//! found in a second look at it, which is unmapped then: marks are added, and counts are
//! made good. Until then the process counts as a holder of too many, so that nobody takes
//! himself for the last. A slot that they take in the old memory is given to nobody else in
//! the new one.
//!
//! Context: hooks, once in the life of a process as a rule. Lock-free; the time is that of
//! a copy of what the process holds.

use super::descriptions::{Descriptions, Marks, SlotId};
use super::family::{Family, Token};
use super::family_memory::FamilyMemory;
use super::forks::Beside;
use super::forks::Stamp;
use super::{Ledger, Owner};
use crate::sys::Fd;
use crate::sys::shared::Reach;
use core::sync::atomic::Ordering::SeqCst;

impl Owner<'_> {
    /// The program is about to change its user.
    pub fn may_change_user(self) {
        self.0.user.may_change();
    }

    /// It has done so, or failed.
    pub fn has_changed_user(self) {
        self.leave_if_user_is_lost();
        self.0.user.has_changed();
    }

    /// Leaves the memory if that is shared with a user whom this process has lost.
    pub(super) fn leave_if_user_is_lost(self) {
        if let Some(users) = self.0.user.lost() {
            self.detach();
            self.0.user.set(users);
        }
    }

    /// From now on this process shares its counts with the children alone that it makes.
    #[inline(never)]
    pub(super) fn detach(self) {
        let Some(me) = self.0.me() else { return self.forget_all() };
        let since = self.0.stamp();
        self.0.family().may_move(me);
        let (old, fresh) = (self.0.memory.second_mapping(), FamilyMemory::new());
        let old = old.filter(|_| fresh.ensure(self.0.memory.len(), Reach::Forks));
        if let Some(old) = old {
            self.copy_to(&fresh, me);
            if self.0.memory.replace_with(fresh) {
                self.settle(&old, me, since);
                return;
            }
        }
        self.forget_all();
    }

    fn copy_to(self, fresh: &FamilyMemory, me: Token) {
        let (family, slots) = (Family::of(fresh), Descriptions::of(fresh));
        self.0.family().copy_to(family);
        self.0.family().copy_one_to(family, me);
        family.stays(me);
        self.0.descriptions().reserve_in(slots);
        self.0.table.each(|_, slot| {
            self.0.descriptions().copy_to(slots, slot, me);
            for other in slots.holders(slot).filter(|&holder| holder != me) {
                self.0.family().copy_one_to(family, other);
                slots.mark(slot, Marks::HANDED);
            }
        });
    }

    /// After the change of memory: `old` is what others go on with.
    fn settle(self, old: &FamilyMemory, me: Token, since: Stamp) {
        let (theirs, ours) = (Descriptions::of(old), self.0.descriptions());
        let has_forked = self.0.forks.beside(since) != Beside::Nothing;
        let mut is_shared = false;
        self.0.table.each(|fd, slot| {
            if ours.holders(slot).all(|holder| holder != me) {
                // Counted in the old memory, after that was copied.
                self.0.table.take(fd);
            }
            ours.settle(theirs, slot, me);
            if has_forked {
                ours.mark(slot, Marks::LEAKED);
            }
            ours.mark(slot, theirs.marks(slot));
            // Whom this process gives it, nobody counts there.
            is_shared |= leave(theirs, slot, me, Marks::HANDED);
        });
        if is_shared {
            // What this process sets on a connection of theirs, nobody tells them.
            Family::of(old).set_options();
        }
    }

    /// From now on no hook of this process follows what it does: it leaves the memory, and
    /// has no other.
    pub fn goes_unseen(self) {
        if let Some(me) = self.0.me() {
            self.0.family().may_move(me);
            let mut is_shared = false;
            // What is close-on-exec a program that it executes does not get.
            let mark = |fd: Fd| if fd.is_close_on_exec() { Marks::LEAKED } else { Marks::HANDED };
            self.0.table.each(|fd, slot| is_shared |= leave(self.0.descriptions(), slot, me, mark(fd)));
            if is_shared {
                self.0.family().set_options();
            }
        }
        self.forget_all();
    }

    /// Nothing is known any more.
    fn forget_all(self) {
        let Ledger { table, memory, me, .. } = self.0;
        memory.replace_with_zeroes();
        me.store(0, SeqCst);
        table.each(|fd, _| _ = table.take(fd));
    }
}

/// Whether others hold it as well. Where nobody does the slot is free for them.
fn leave(theirs: Descriptions<'_>, slot: SlotId, me: Token, mark: Marks) -> bool {
    let is_shared = theirs.holders(slot).any(|holder| holder != me);
    if is_shared {
        theirs.mark(slot, mark);
    } else {
        theirs.give_up(slot);
    }
    is_shared
}

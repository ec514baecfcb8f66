//! A process leaves the memory of its family, and goes on with a copy of its own.
//!
//! In the memory that it leaves, the process stays a holder of what it holds together with others.
//! It counts there as a process that hooks do not follow, so the others look at it and trust no
//! count. What it alone held is free there. The copy has what the process holds, and nothing else.
//! What other processes hold as well is marked in the copy, as they cannot be followed from here.
//! What the process gets from now on is counted as ever, for itself and for the children that it
//! makes.
//!
//! Other threads go on meanwhile, and may write to the old memory after it was copied. A second look
//! at that memory finds what they wrote, before it is unmapped: marks are added, and counts are
//! corrected. Until then the process counts as a holder of too many descriptors, so that no process
//! takes itself for the last holder. The new memory does not give out a slot that such a thread may
//! take in the old one.
//!
//! Context: hooks, once in the life of a process as a rule. Lock-free; it takes the time of
//! a copy of what the process holds.

use crate::holders::ledger::local::creations::{Overlap, Stamp};
use crate::holders::ledger::memory::descriptions::{Descriptions, SlotId};
use crate::holders::ledger::memory::family::Family;
use crate::holders::ledger::memory::family_memory::FamilyMemory;
use crate::holders::ledger::memory::marks::Marks;
use crate::holders::ledger::memory::token::Token;
use crate::holders::ledger::owner::{Ledger, Owner};
use crate::sys::Fd;
use crate::sys::shared::Reach;
use core::sync::atomic::Ordering::SeqCst;

impl Owner<'_> {
    /// The program is about to change its user.
    pub fn may_change_user(self) {
        self.0.user.may_change();
    }

    /// The program has changed its user, or has failed to.
    pub fn has_changed_user(self) {
        self.leave_if_user_is_lost();
        self.0.user.has_changed();
    }

    /// Leaves the memory if it is shared with processes of a user that this process has lost for good.
    pub(in crate::holders::ledger) fn leave_if_user_is_lost(self) {
        if let Some(users) = self.0.user.lost() {
            self.detach();
            self.0.user.set(users);
        }
    }

    /// From now on this process shares its counts with none but the children that it makes.
    #[inline(never)]
    pub(in crate::holders::ledger) fn detach(self) {
        let Some(me) = self.0.me() else { return self.forget_all() };
        let since = self.0.stamp();
        self.0.family().set_unfollowed(me);
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
        family.set_followed(me);
        self.0.descriptions().reserve_in(slots);
        self.0.table.each(|_, slot| {
            self.0.descriptions().copy_to(slots, slot, me);
            for other in slots.holders(slot).filter(|&holder| holder != me) {
                self.0.family().copy_one_to(family, other);
                slots.mark(slot, Marks::HANDED_ON);
            }
        });
    }

    /// After the change of memory: `old` is the memory that the other processes go on with.
    fn settle(self, old: &FamilyMemory, me: Token, since: Stamp) {
        let (theirs, ours) = (Descriptions::of(old), self.0.descriptions());
        let has_forked = self.0.processes.creations.overlap(since) != Overlap::Nothing;
        let mut is_shared = false;
        self.0.table.each(|fd, slot| {
            if ours.holders(slot).all(|holder| holder != me) {
                // It was counted in the old memory after that was copied.
                self.0.table.take(fd);
            }
            ours.settle(theirs, slot, me);
            if has_forked {
                ours.mark(slot, Marks::LEAKED);
            }
            ours.mark(slot, theirs.marks(slot));
            // If this process gives it to others, nobody counts that in the old memory.
            is_shared |= leave(theirs, slot, me, Marks::HANDED_ON);
        });
        if is_shared {
            // If this process sets an option on a shared connection, nobody tells the others.
            Family::of(old).set_options();
        }
    }

    /// From now on no hook of this process follows what it does (it installs a seccomp filter): it leaves
    /// the memory, and gets no other.
    pub fn goes_unseen(self) {
        if let Some(me) = self.0.me() {
            self.0.family().set_unfollowed(me);
            let mut is_shared = false;
            // A program that it executes does not get what is close-on-exec.
            let mark = |fd: Fd| if fd.is_close_on_exec() { Marks::LEAKED } else { Marks::HANDED_ON };
            self.0.table.each(|fd, slot| is_shared |= leave(self.0.descriptions(), slot, me, mark(fd)));
            if is_shared {
                self.0.family().set_options();
            }
        }
        self.forget_all();
    }

    /// From now on nothing is known.
    fn forget_all(self) {
        let Ledger { table, memory, identity, .. } = self.0;
        memory.replace_with_zeroes();
        identity.token.store(0, SeqCst);
        table.each(|fd, _| _ = table.take(fd));
    }
}

/// Answers whether other processes hold it as well. Where none does, the slot is free in their memory.
fn leave(theirs: Descriptions<'_>, slot: SlotId, me: Token, mark: Marks) -> bool {
    let is_shared = theirs.holders(slot).any(|holder| holder != me);
    if is_shared {
        theirs.mark(slot, mark);
    } else {
        theirs.give_up(slot);
    }
    is_shared
}

//! The connections of this process and its descriptors for them.
//!
//! Context: hooks of any kind.

use super::local::creations::{Overlap, Stamp};
use super::memory::descriptions::SlotId;
use super::memory::marks::Marks;
use super::owner::{Ledger, Owner};
use crate::holders::sets::membership::Membership;
use crate::sys::socket::Role;
use crate::sys::{Fd, socket};
use core::sync::atomic::Ordering::SeqCst;

/// What the program does with descriptors.
impl Owner<'_> {
    /// `fd` is a new TCP socket that only this process holds.
    ///
    /// Where another thread forked between `since` and now, its child may have
    /// the descriptor as well, without being counted.
    pub fn opened(self, fd: Fd, role: Role, since: Stamp) {
        let Some(me) = self.0.join() else { return };
        let Some(cookie) = socket::cookie(fd) else { return };
        let slot = self.0.descriptions().open(cookie, me, |token| self.0.is_alive(token));
        match slot {
            Some(slot) => {
                self.0.family().raise_reach(slot.raw());
                self.refers(fd, slot, role, since);
            }
            None => self.forgotten(fd),
        }
    }

    /// `new` was made a duplicate of `old` by this process.
    pub fn duplicated(self, old: Fd, new: Fd, since: Stamp) {
        self.0.sets.duplicated(old, new);
        self.copies_ring(old);
        let entry = self.0.table.look(old);
        match (entry.slot, self.0.me()) {
            (Some(slot), Some(me)) if self.is_counted(slot) && self.is_current(old, slot) => {
                self.0.descriptions().hold(slot, me);
                self.0.descriptions().mark(slot, Marks::COPIED);
                self.refers(new, slot, entry.role, since);
                if entry.was_watched {
                    self.0.table.set_watched(new);
                }
            }
            _ => self.forgotten(new),
        }
    }

    /// `exec` does not close `fd` any more.
    pub fn kept(self, fd: Fd, since: Stamp) {
        if self.0.processes.creations.overlap(since) != Overlap::Nothing {
            self.0.hand_on(fd);
        }
    }

    pub(super) fn refers(self, fd: Fd, slot: SlotId, role: Role, since: Stamp) {
        // `dup2` over an open socket, or a number that was closed behind our back.
        self.forgotten(fd);
        self.0.table.set(fd, slot, role);
        self.0.sets.opened_plain(fd);
        match self.0.processes.creations.overlap(since) {
            Overlap::Nothing => {}
            Overlap::Fork => {
                self.0.descriptions().mark(slot, Marks::LEAKED);
                self.0.processes.may_have_leaked.store(true, SeqCst);
            }
            Overlap::Execution if fd.is_close_on_exec() => {}
            Overlap::Execution => self.0.descriptions().mark(slot, Marks::HANDED_ON),
        }
    }

    /// The program called `connect` on `fd`.
    pub fn connected(self, fd: Fd) {
        if self.0.table.slot(fd).is_none() {
            self.adopt(fd, self.0.stamp());
        }
        self.0.table.set_connected(fd);
    }

    /// `fd` no longer means what it meant, and nobody asks who was last.
    pub fn forgotten(self, fd: Fd) {
        if let Some(slot) = self.0.table.take(fd).slot {
            self.0.drop_reference(slot);
        }
    }
}

/// What the ledger knows of descriptors.
impl Owner<'_> {
    /// Whether this process is among the holders: not where there are too many, nor of what
    /// it noted while it left the memory.
    pub(super) fn is_counted(self, slot: SlotId) -> bool {
        self.0.descriptions().holders(slot).any(|holder| self.0.me() == Some(holder))
    }

    pub(super) fn is_current(self, fd: Fd, slot: SlotId) -> bool {
        socket::cookie(fd).is_some_and(|cookie| self.0.descriptions().is(slot, cookie))
    }

    /// Calls `visit` for every number that is known to be a TCP socket.
    pub fn each(self, mut visit: impl FnMut(Fd)) {
        self.0.table.each(|fd, _| visit(fd));
    }

    /// The first number from `first` on that is known to be a TCP socket, and that
    /// `is_it`.
    pub fn next_known(self, first: u32, is_it: impl Fn(Fd) -> bool) -> Option<Fd> {
        self.0.table.find(first, |fd, _| is_it(fd))
    }

    /// Whether the counts know `fd`.
    pub fn knows(self, fd: Fd) -> bool {
        self.0.table.slot(fd).is_some()
    }

    /// Whether no other process has a count for `fd`, living or dead: a look at
    /// memory, without a system call.
    pub fn is_only_ours(self, fd: Fd) -> bool {
        let slot = self.0.table.slot(fd);
        slot.is_some_and(|slot| self.0.descriptions().holders(slot).all(|holder| self.0.me() == Some(holder)))
    }

    /// Which side opened `fd`, as far as is known.
    pub fn role(self, fd: Fd) -> Role {
        self.0.table.look(fd).role
    }

    /// Whether the table has a place for `fd`.
    pub fn covers(self, fd: Fd) -> bool {
        fd.index() < self.0.capacity.load(SeqCst) as usize
    }

    /// The program is about to move its limit of descriptors.
    pub fn keep_limit(self) {
        self.0.limit.keep();
    }

    /// Whether this process has ever had a TCP socket.
    pub fn has_sockets(self) -> bool {
        self.0.me().is_some()
    }
}

impl Ledger {
    /// A number of this process that is counted as one of the connection with this
    /// cookie, and still is.
    pub fn number_of(&self, cookie: u64) -> Option<Fd> {
        self.table.find(0, |fd, slot| self.descriptions().is(slot, cookie) && socket::cookie(fd) == Some(cookie))
    }

    /// Whether `fd`, which was given up, has been put into a set since, and is not another
    /// connection by now.
    pub fn has_been_entered(&self, fd: Fd) -> bool {
        let entry = self.table.look(fd);
        entry.slot.is_none() && entry.watched != Membership::NONE
    }

    /// Whether `fd` is a counted connection that no hook has seen being put into a set.
    pub fn is_not_known_to_be_watched(&self, fd: Fd) -> bool {
        let entry = self.table.look(fd);
        entry.slot.is_some() && entry.watched == Membership::NONE
    }
}

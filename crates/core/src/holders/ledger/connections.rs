//! The program makes, duplicates and replaces descriptors of TCP sockets, and what the ledger knows of
//! them.
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
    /// `fd` is a new TCP socket that no other process has got from this one.
    ///
    /// `since` was taken before the call that made it. Where another thread forked since then, its child may
    /// have the descriptor as well, without being counted: the connection is marked.
    pub fn opened(self, fd: Fd, role: Role, since: Stamp) {
        let Some(me) = self.0.join() else { return };
        // Where the number cannot be noted, nobody would give the slot back.
        let Some(cookie) = socket::cookie(fd).filter(|_| self.0.table.has_room(fd)) else { return };
        let slot = self.0.descriptions().open(cookie, me, |token| self.0.is_alive(token));
        match slot {
            Some(slot) => {
                self.0.family().raise_reach(slot.raw());
                self.note_descriptor(fd, slot, role, since);
            }
            None => self.forgotten(fd),
        }
    }

    /// The program has made `new` a duplicate of `old`; `since` was taken before the call.
    pub fn duplicated(self, old: Fd, new: Fd, since: Stamp) {
        self.0.sets.duplicated(old, new);
        self.copies_ring(old);
        let entry = self.0.table.look(old);
        match (entry.slot, self.0.me()) {
            (Some(slot), Some(me)) if self.is_counted(slot) && self.is_current(old, slot) => {
                self.0.descriptions().hold(slot, me);
                self.0.descriptions().mark(slot, Marks::COPIED);
                self.note_descriptor(new, slot, entry.role, since);
                if entry.was_watched {
                    self.0.table.set_watched(new);
                }
            }
            _ => self.forgotten(new),
        }
    }

    /// The program has taken close-on-exec from `fd`; `since` was taken before the call.
    pub fn kept(self, fd: Fd, since: Stamp) {
        if self.0.processes.creations.overlap(since) != Overlap::Nothing {
            self.0.hand_on(fd);
        }
    }

    /// Notes that `fd` refers to the connection of `slot`, in which this process is counted for it. Marks the
    /// connection if a process was made since `since` that may have the descriptor as well.
    pub(super) fn note_descriptor(self, fd: Fd, slot: SlotId, role: Role, since: Stamp) {
        // The number was in use: `dup2` over an open socket, or a close without a hook.
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

    /// `fd` no longer refers to what it referred to, and nobody has to know whether it was the last. So no
    /// process is asked whether it lives; the cells of those that do not are emptied later.
    pub fn forgotten(self, fd: Fd) {
        if let Some((slot, me)) = self.0.table.take(fd).slot.zip(self.0.me()) {
            self.0.descriptions().release(slot, me, |_| true);
        }
    }
}

/// What the ledger knows of descriptors.
impl Owner<'_> {
    /// Whether this process has a cell in the slot: not where there are too many holders, nor where it noted
    /// the descriptor while it left the memory.
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

    /// The first number from `first` on that is known to be a TCP socket, and for which `is_it` is true.
    pub fn next_known(self, first: u32, is_it: impl Fn(Fd) -> bool) -> Option<Fd> {
        self.0.table.find(first, |fd, _| is_it(fd))
    }

    /// Whether any number is known to be a TCP socket.
    pub fn knows_any(self) -> bool {
        self.next_known(0, |_| true).is_some()
    }

    /// Whether `fd` has a slot.
    pub fn knows(self, fd: Fd) -> bool {
        self.0.table.slot(fd).is_some()
    }

    /// Whether no other process, living or dead, has a cell in the slot of `fd`: a look at memory, without a
    /// system call.
    pub fn is_only_ours(self, fd: Fd) -> bool {
        let slot = self.0.table.slot(fd);
        slot.is_some_and(|slot| self.0.descriptions().holders(slot).all(|holder| self.0.me() == Some(holder)))
    }

    /// Which side opened the connection of `fd`, as far as is known.
    pub fn role(self, fd: Fd) -> Role {
        self.0.table.look(fd).role
    }

    /// Whether the ledger keeps track of numbers as high as `fd`.
    pub fn covers(self, fd: Fd) -> bool {
        fd.index() < self.0.capacity.load(SeqCst) as usize
    }

    /// The program is about to change its limit of descriptors (`RLIMIT_NOFILE`).
    pub fn keep_limit(self) {
        self.0.limit.keep();
    }

    /// Whether this process has joined a family: it has had a TCP socket, or may have shared one.
    pub fn has_sockets(self) -> bool {
        self.0.me().is_some()
    }
}

impl Ledger {
    /// A number of this process that refers to the connection with this cookie, as the table and the kernel say.
    pub fn number_of(&self, cookie: u64) -> Option<Fd> {
        self.table.find(0, |fd, slot| self.descriptions().is(slot, cookie) && socket::cookie(fd) == Some(cookie))
    }

    /// Whether `fd`, which was given up, has been put into an epoll set since, and is not another counted
    /// connection by now.
    pub fn has_been_entered(&self, fd: Fd) -> bool {
        let entry = self.table.look(fd);
        entry.slot.is_none() && entry.watched != Membership::NONE
    }

    /// Whether `fd` is a counted connection that no hook has seen being put into an epoll set.
    pub fn is_not_known_to_be_watched(&self, fd: Fd) -> bool {
        let entry = self.table.look(fd);
        entry.slot.is_some() && entry.watched == Membership::NONE
    }
}

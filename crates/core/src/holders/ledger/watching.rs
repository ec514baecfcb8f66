//! The program makes epoll sets, and puts connections into them.
//!
//! Context: hooks of any kind.

use super::local::creations::{Overlap, Stamp};
use super::local::table::Entry;
use super::owner::{Ledger, Owner};
use crate::holders::sets::membership::{Generation, Membership};
use crate::holders::sets::table::Sets;
use crate::sys::{Fd, thread};

/// The result of a call that puts a descriptor into an epoll set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Joined {
    /// The descriptor is in the set.
    Now,
    /// The descriptor was in the set before (`EEXIST`).
    Before,
    /// The call has failed.
    No,
}

impl<'a> Owner<'a> {
    /// The epoll sets of this process.
    pub fn sets(self) -> &'a Sets {
        &self.0.sets
    }

    /// This process has made `set`; `since` was taken before the call.
    pub fn made_set(self, set: Fd, since: Stamp) {
        self.0.sets.made(set, || self.0.processes.creations.overlap(since) == Overlap::Nothing);
    }

    /// The program is about to put `fd` into `set`.
    pub fn joining(self, fd: Fd, set: Fd) {
        self.watched_by(fd, set, |sets, alone| sets.joining(set, alone));
    }

    /// The call that was to put `fd` into a set has returned.
    pub fn joined(self, fd: Fd, joined: Joined) {
        let is_new = || self.0.table.look(fd).watched.members() == 1;
        match joined {
            Joined::No => return self.watched_by_one_less(fd, Membership::not_joined),
            Joined::Before if !is_new() => self.watched_by_one_less(fd, Membership::not_joined),
            Joined::Before | Joined::Now => _ = self.0.table.watch(fd, Membership::joined),
        }
        self.0.table.set_watched(fd);
    }

    /// `fd` is in `set`, and no hook has seen it being put there.
    pub fn found_in(self, fd: Fd, set: Fd) {
        self.watched_by(fd, set, |sets, alone| sets.member_of(set, alone));
        self.0.table.set_watched(fd);
    }

    /// The program has taken `fd` out of a set.
    pub fn left(self, fd: Fd) {
        self.watched_by_one_less(fd, Membership::left);
    }

    fn watched_by(self, fd: Fd, set: Fd, change: impl Fn(Membership, Option<Generation>) -> Membership) {
        self.0.sets.used(set);
        let alone = self.0.sets.alone(set);
        // The shared count comes first: a process cannot leave a set that it does not know of.
        if let Some(slot) = self.0.table.slot(fd) {
            self.0.descriptions().add_watcher(slot);
        }
        if !self.0.table.has_room(fd) {
            self.0.sets.leave_behind();
        }
        self.0.table.watch(fd, |sets| change(sets, alone));
    }

    fn watched_by_one_less(self, fd: Fd, change: impl Fn(Membership) -> Membership) {
        let before = self.0.table.watch(fd, change);
        if let Some(slot) = self.0.table.slot(fd).filter(|_| before.members() != 0) {
            self.0.descriptions().remove_watchers(slot, 1);
        }
    }

    /// Whether all sets that watch the number end when this process closes them.
    pub fn is_private(self, entry: Entry) -> bool {
        entry.watched.is_private(self.0.sets.generation())
    }
}

impl Ledger {
    /// The calling thread is about to wait for events of `set`. An event loop calls this in each round: no
    /// system call.
    pub fn waits(&self, set: Fd) {
        self.sets.waits(set, thread::number());
    }

    /// The program is about to close `fd`, which is open.
    pub fn ending(&self, fd: Fd) {
        if self.sets.may_be_waited_for(fd, thread::number()) {
            self.sets.share();
        }
        self.sets.ending(fd);
    }

    /// The program is about to close the numbers from `first` to `last`, open or not.
    pub fn ending_range(&self, first: u32, last: u32) {
        if self.sets.any_waited_for(first, last, thread::number()) {
            self.sets.share();
        }
        self.sets.ending_range(first, last);
    }

    /// The program has just closed `fd`.
    pub fn ended(&self, fd: Fd) {
        self.sets.ended(fd);
    }

    /// softclose has put a connection of its own under `fd`.
    pub fn occupied(&self, fd: Fd) {
        self.sets.occupied(fd);
    }
}

//! A descriptor is given up: how good is the claim that it is the last one of its connection?
//!
//! The counts decide nearly all claims. Where something happened that they do not cover, the claim is
//! doubtful or unprovable ([`Standing`]), and `engine/proof.rs` asks the next source.
//!
//! Context: hooks of any kind.

use super::local::table::Entry;
use super::memory::cells::{Released, Remaining};
use super::memory::descriptions::SlotId;
use super::memory::marks::Marks;
use super::memory::token::Token;
use super::owner::Owner;
use crate::holders::standing::{Doubt, Standing};
use crate::sys::{Fd, procfs, socket};

/// What is known of a connection at the moment at which one of its descriptors is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What the table knew of the number.
    pub entry: Entry,
    /// Whether another process, or another number of this one, holds the connection.
    pub standing: Standing,
    /// `SO_COOKIE`, where it was asked for.
    pub cookie: Option<u64>,
    /// How many epoll sets watch the connection, under any number of any process; 0 where it is not counted.
    pub watchers: u32,
    /// Whether the connection may have holders outside of the lineage, and numbers of this process that
    /// were never counted.
    pub is_foreign: bool,
}

impl Owner<'_> {
    /// Gives up `fd`, which is about to be closed. Answers how good the claim is that this process was the
    /// last holder of its connection.
    pub fn release(self, fd: Fd) -> Claim {
        self.give_up(fd, self.0.table.take(fd))
    }

    /// As [`Owner::release`], at the end of the process: epoll sets that no other process has end with it.
    pub fn release_at_end(self, fd: Fd) -> Claim {
        let entry = self.0.table.take(fd);
        if let Some(slot) = entry.slot.filter(|_| self.is_private(entry)) {
            self.0.descriptions().remove_watchers(slot, entry.watched.members());
        }
        self.give_up(fd, entry)
    }

    fn give_up(self, fd: Fd, entry: Entry) -> Claim {
        self.look_at_rings_before_giving_up(entry.slot);
        let cookie = entry.slot.and_then(|_| socket::cookie(fd));
        let is_current = |slot| cookie.is_some_and(|cookie| self.0.descriptions().is(slot, cookie));
        match entry.slot {
            Some(slot) if is_current(slot) => self.give_up_counted(fd, slot, entry, cookie),
            Some(stale) => {
                self.0.drop_reference(stale);
                self.claim_uncounted(entry.uncounted(), cookie)
            }
            None => self.claim_uncounted(entry, cookie),
        }
    }

    fn look_at_rings_before_giving_up(self, slot: Option<SlotId>) {
        let was_blind = self.is_blind();
        self.look_at_rings();
        // What is in the table has been marked just now. This number is not there any more.
        if let Some(slot) = slot.filter(|_| !was_blind && self.is_blind()) {
            self.0.descriptions().mark(slot, Marks::HANDED_ON);
        }
    }

    fn give_up_counted(self, fd: Fd, slot: SlotId, entry: Entry, cookie: Option<u64>) -> Claim {
        let released = self.0.drop_reference(slot).unwrap_or(Released::NOTHING);
        let is_unknown = released.remaining == Remaining::Unknown;
        let is_foreign = released.marks.has(Marks::FOREIGN) || is_unknown;
        let entry = if is_unknown { entry.uncounted() } else { entry };
        let standing = self.standing_after(fd, slot, released);
        Claim { entry, standing, cookie, watchers: released.watchers, is_foreign }
    }

    fn claim_uncounted(self, entry: Entry, cookie: Option<u64>) -> Claim {
        Claim { entry, standing: self.weigh_uncounted(), cookie, watchers: 0, is_foreign: true }
    }

    fn standing_after(self, fd: Fd, slot: SlotId, released: Released) -> Standing {
        match released.remaining {
            Remaining::Here => Standing::Shared,
            Remaining::Elsewhere if self.is_seen_elsewhere(fd, slot, released.marks) => Standing::Shared,
            // Nobody has received the message yet, or a process without a count has.
            _ if released.is_message_under_way => Standing::Unprovable(Doubt::Passed),
            Remaining::Elsewhere if self.0.descriptions().has_additions_since(slot, released.added) => {
                Standing::Unprovable(Doubt::Passed)
            }
            // The holders that are left have executed another program, and lost the connection by that.
            Remaining::Elsewhere | Remaining::Nobody => self.weigh(released.marks),
            Remaining::Unknown => match self.weigh(released.marks) {
                Standing::Last => Standing::Doubtful,
                standing => standing,
            },
        }
    }

    /// Whether one of the other holders has the connection. A process that runs the program that was forked
    /// holds what it is counted for. One that may have executed another program has lost what was
    /// close-on-exec; what was not is in transit. Where it never had the connection under a second
    /// number, one link of procfs tells whether it still has the number that it inherited. A child that
    /// nobody has heard of does not exist, if the fork inside libc has failed.
    fn is_seen_elsewhere(self, fd: Fd, slot: SlotId, marks: Marks) -> bool {
        let (me, is_forking) = (self.0.me(), self.0.processes.creations.is_any_under_way());
        let may_be = |token: &Token| Some(*token) != me && (is_forking || self.0.family().may_exist(*token));
        self.0.descriptions().holders(slot).filter(may_be).any(|token| {
            self.0.family().is_followed(token)
                || self.0.descriptions().is_in_transit(slot, token)
                || marks.has(Marks::COPIED)
                || match (self.0.family().pid(token, self.0.here()), socket::inode(fd)) {
                    (Some(pid), Ok(inode)) => procfs::holds_at(pid, fd, inode).unwrap_or(true),
                    _ => true,
                }
        })
    }

    fn weigh(self, marks: Marks) -> Standing {
        let (family, processes) = (self.0.family(), &self.0.processes);
        let is_handed = marks.has(Marks::HANDED_ON) || marks.has(Marks::LEAKED) && family.has_handed_on_uncounted();
        if let Some(doubt) = self.doubt() {
            Standing::Unprovable(doubt)
        } else if marks.has(Marks::PASSED) {
            Standing::Unprovable(Doubt::Passed)
        } else if is_handed || processes.creations.is_child_under_way() {
            Standing::Unprovable(Doubt::Spawned)
        } else if marks.has_any(Marks::UNCOUNTED) || processes.children.has_untracked() {
            Standing::Doubtful
        } else {
            Standing::Last
        }
    }

    /// The standing of a connection for which this process has no count.
    fn weigh_uncounted(self) -> Standing {
        match self.doubt() {
            Some(doubt) => Standing::Unprovable(doubt),
            None if self.0.family().has_handed_on_uncounted() => Standing::Unprovable(Doubt::Spawned),
            None if self.0.processes.creations.is_child_under_way() => Standing::Unprovable(Doubt::Spawned),
            None => Standing::Doubtful,
        }
    }

    /// What makes every claim of this process unprovable, if anything does.
    fn doubt(self) -> Option<Doubt> {
        if self.is_blind() { Some(Doubt::Blind) } else { self.0.family().is_taking().then_some(Doubt::Passed) }
    }
}

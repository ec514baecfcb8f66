//! What the kernel's own count of references decides, where it can be asked.
//!
//! It is asked where the counts cannot know, and never instead of them: what they say is
//! another's is another's. It has everything in it that a look at procfs cannot see: messages
//! in flight, requests and registered files of rings, threads inside a call.
//!
//! Context: hooks of any kind, on the program's threads.

use super::Engine;
use super::inventory::Inventory;
use crate::decision::Doubt;
use crate::ledger::{Owner, Standing};
use crate::sys::{Fd, socket};

/// Who looks at the descriptor in procfs is a reference for an instant; one answer is enough.
const ASKED: u32 = 3;

impl Engine {
    /// How good the claim to be the last holder is, by the kernel's own count. All numbers that
    /// the process has are given up where it is `leaving`, and this one elsewhere.
    ///
    /// It is asked after all calls that have begun to copy the table: what is copied later is
    /// copied beside the close. A private duplicate in a table that another process uses too
    /// would be that one's as well, and one in a table of this thread alone would not be found
    /// by the drain's.
    #[inline(never)]
    pub(super) fn counted_by_kernel(&self, owner: Owner<'_>, fd: Fd, leaving: Option<&Inventory>) -> Option<Standing> {
        let is_stable = !owner.has_split_table() && !owner.is_any_copy_under_way();
        if !is_stable || !owner.covers(fd) || !socket::is_tcp(fd) {
            return None;
        }
        let is_last = self.is_last_reference(fd, leaving)?
            || (1..ASKED).any(|_| self.is_last_reference(fd, leaving) == Some(true));
        self.common.counters.counted_by_kernel();
        Some(if is_last { Standing::Last } else { Standing::Unprovable(Doubt::Found) })
    }

    fn is_last_reference(&self, fd: Fd, leaving: Option<&Inventory>) -> Option<bool> {
        let answer = self.refs.ask(fd)?;
        let ours = match leaving {
            Some(inventory) if answer.count > 1 => inventory.numbers_of(fd),
            _ => 1,
        };
        Some(answer.count == ours && !answer.is_table_shared)
    }

    /// Whether no request of a ring holds `fd`: what the kernel has said, or says now.
    pub(super) fn is_free_of_rings(
        &self,
        owner: Owner<'_>,
        fd: Fd,
        said: Option<Standing>,
        leaving: Option<&Inventory>,
    ) -> bool {
        said.or_else(|| self.counted_by_kernel(owner, fd, leaving)) == Some(Standing::Last)
    }

    /// Whether the kernel says that no epoll set watches the connection of `fd`.
    pub(super) fn is_unwatched(&self, fd: Fd) -> bool {
        self.refs.ask(fd).is_some_and(|answer| !answer.is_watched)
    }

    /// Whether sets may be changed where no hook sees it: through a ring.
    pub(super) fn may_be_watched_unseen(&self, owner: Owner<'_>) -> bool {
        self.ledger.is_blind() || self.rings.was_one_seen() && self.has_unseen_ring(owner)
    }

    /// Whether the connection that the program has given up as `fd`, and of which we have
    /// `copy`, has been put into a set since we had left all.
    pub(super) fn has_been_entered(&self, fd: Fd, copy: Option<Fd>) -> bool {
        let is_unseen = || self.ledger.owner().is_some_and(|owner| self.may_be_watched_unseen(owner));
        let may_be_unseen = || is_unseen() && !copy.is_some_and(|copy| self.is_unwatched(copy));
        self.ledger.has_been_entered(fd) || may_be_unseen()
    }
}

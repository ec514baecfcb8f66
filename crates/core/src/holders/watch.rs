//! A connection leaves the program's epoll sets before softclose keeps it.
//!
//! epoll remembers the open file description, not the descriptor. If softclose kept the description after
//! the program's close, the program's set would go on reporting a number that is closed, and
//! `EPOLL_CTL_DEL` on that number would fail: the event loop would spin. So the connection leaves every set
//! before the close.
//!
//! The ledger knows its sets as far as hooks have seen them. Mostly there is one, and one call leaves it.
//! Then the connection is taken out of every number that may be another set. The call itself is the
//! question: `EPOLL_CTL_DEL` fails with `EINVAL` on a number that is no set, with `EBADF` on a free
//! number, and with `ENOENT` on a set without the connection. That takes no descriptor and no procfs.
//!
//! In a process that has a harmless ring ([`crate::holders::ledger::rings`]), each number that is no set is
//! also asked whether it is a ring that no hook has seen.
//!
//! Context: any hook, on the program's threads.

use crate::holders::ledger::local::ring_table::Rings;
use crate::holders::ledger::{Claim, Owner};
use crate::holders::sets::search::Kind;
use crate::holders::sets::table::SearchExtent;
use crate::holders::standing::Doubt;
use crate::sys::Fd;
use crate::sys::clock::Budget;
use crate::sys::poller;
use rustix::io::Errno;

/// Takes `fd` out of every epoll set that may watch its connection. `claim` is the claim to be its last holder.
/// `is_alone` says whether the program has one thread, `is_private` whether a number is one of softclose's own.
///
/// # Errors
/// The reason why it may still be in a set.
pub fn leave_all(
    owner: Owner<'_>,
    fd: Fd,
    claim: &Claim,
    is_alone: bool,
    is_private: impl Fn(Fd) -> bool,
) -> Result<(), Doubt> {
    let (entry, sets, members) = (claim.entry, owner.sets(), claim.entry.watched.members());
    let is_counted = entry.slot.is_some();
    let expected = if is_counted { claim.watchers } else { members };
    // A set watches it under another number: nothing but the end of the connection takes it out.
    if expected > members || (!is_counted && sets.has_left_behind()) {
        return Err(Doubt::Watched);
    }
    let known = entry.watched.only().filter(|&set| poller::leave(set, fd).is_ok());
    let left = u32::from(known.is_some());
    let is_accounted_for = is_counted && entry.was_watched && left >= expected;
    let extent = if is_accounted_for { sets.search_extent() } else { SearchExtent::All };
    let is_excluded = |set| set == fd || Some(set) == known || is_private(set);
    let left = left + leave_each(owner, fd, extent, is_alone, is_excluded)?;
    if left > expected {
        sets.filled_unseen();
    }
    let is_everything = left >= expected || are_gone(owner, claim);
    // Nobody has kept account of the numbers of an uncounted connection.
    if is_everything && (is_counted || !sets.has_unseen()) { Ok(()) } else { Err(Doubt::Watched) }
}

/// Whether the sets that were not found are gone: no other process can have them, and no call that puts the
/// connection into one is under way. (A set that a thread may have been waiting for when it was closed counts
/// as one that other processes have.)
fn are_gone(owner: Owner<'_>, claim: &Claim) -> bool {
    owner.is_private(claim.entry) && !claim.entry.watched.is_being_added()
}

/// Takes `fd` out of the sets that a search finds, but not of numbers that are excluded. Answers how many there were.
fn leave_each(
    owner: Owner<'_>,
    fd: Fd,
    extent: SearchExtent,
    is_alone: bool,
    is_excluded: impl Fn(Fd) -> bool,
) -> Result<u32, Doubt> {
    let rings = owner.rings();
    let is_any_being_made = rings.is_any_being_made();
    let mut leaving = Leaving { rings, fd, left: 0, is_any_ring_unseen: false };
    let found = owner.sets().search(extent, &Budget::new(), is_alone, is_excluded, |set| leaving.leave(set));
    if leaving.is_any_ring_unseen {
        if !is_any_being_made && !rings.is_any_being_made() {
            owner.has_harmful_ring();
        }
        return Err(Doubt::Blind);
    }
    found.map(|()| leaving.left).map_err(|_| Doubt::SetsBudget)
}

/// What one search has found.
struct Leaving<'a> {
    rings: &'a Rings,
    fd: Fd,
    /// How many sets the connection has left.
    left: u32,
    /// Whether a number is a ring that no hook has seen.
    is_any_ring_unseen: bool,
}

impl Leaving<'_> {
    /// Takes the connection out of `set`, if that is one; answers what `set` is.
    fn leave(&mut self, set: Fd) -> Kind {
        match poller::leave(set, self.fd) {
            Ok(()) => {
                self.left += 1;
                Kind::Set
            }
            Err(Errno::NOENT) => Kind::Set,
            Err(Errno::BADF) => Kind::Free,
            Err(_) if self.rings.is_any() && self.rings.is_unseen(set) => {
                self.is_any_ring_unseen = true;
                // As a set it is asked again at the next close: by then a hook may have seen it.
                Kind::Set
            }
            Err(_) => Kind::Plain,
        }
    }
}

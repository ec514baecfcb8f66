//! Leaving the program's epoll sets.
//!
//! epoll remembers the open file description, not the descriptor. If softclose
//! kept the description after the program's close, the program's set would go on
//! reporting a number that is closed, and `EPOLL_CTL_DEL` on it would fail: a
//! spinning event loop. So every set is left before the close.
//!
//! Which sets there are the ledger knows, as far as hooks have seen: mostly one, and
//! one call leaves it. Then the number is taken out of everything that may be another one. To
//! ask is to act: `EPOLL_CTL_DEL` on a number that is no set fails with `EINVAL`, on
//! a free one with `EBADF`, on a set without the connection with `ENOENT`. That takes
//! no descriptor and no procfs.
//!
//! In a process that has a harmless ring ([`crate::holders::ledger::rings`]), each number that is no set is asked whether it is
//! another ring, which no hook has seen.
//!
//! Context: any hook, on the program's threads.

use crate::drain::Drain;
use crate::holders::ledger::{Claim, Owner};
use crate::holders::sets::search::Kind;
use crate::holders::sets::table::SearchExtent;
use crate::holders::standing::Doubt;
use crate::sys::Fd;
use crate::sys::clock::Budget;
use crate::sys::poller;
use rustix::io::Errno;

/// Takes `fd` out of every epoll set that may watch its connection, of which `claim`
/// claims to be the last holder.
///
/// # Errors
/// Why that cannot be known to be done.
pub fn leave_all(owner: Owner<'_>, drain: &Drain, fd: Fd, claim: &Claim) -> Result<(), Doubt> {
    let (entry, sets, members) = (claim.entry, owner.sets(), claim.entry.watched.members());
    let is_counted = entry.slot.is_some();
    let expected = if is_counted { claim.watchers } else { members };
    // Under another number, which only the end of the connection takes out.
    if expected > members || (!is_counted && sets.has_left_behind()) {
        return Err(Doubt::Watched);
    }
    let known = entry.watched.only().filter(|&set| poller::leave(set, fd).is_ok());
    let left = u32::from(known.is_some());
    let is_accounted_for = is_counted && entry.was_watched && left >= expected;
    let extent = if is_accounted_for { sets.search_extent() } else { SearchExtent::All };
    let is_done = |set| set == fd || Some(set) == known;
    let left = left + leave_each(owner, drain, fd, extent, is_done)?;
    if left > expected {
        sets.filled_unseen();
    }
    let is_everything = left >= expected || are_gone(owner, claim);
    // Nobody has kept account of the numbers of what is not counted.
    if is_everything && (is_counted || !sets.has_unseen()) { Ok(()) } else { Err(Doubt::Watched) }
}

/// A set that nobody else can have, and that is nowhere to be found, is gone; unless the call
/// that puts the connection into it has not returned yet. (Of one that a thread may have been
/// waiting for when it was closed, it is said that others have it.)
fn are_gone(owner: Owner<'_>, claim: &Claim) -> bool {
    owner.is_private(claim.entry) && !claim.entry.watched.is_being_added()
}

/// Answers how many sets were left, of those that are not done already.
fn leave_each(
    owner: Owner<'_>,
    drain: &Drain,
    fd: Fd,
    extent: SearchExtent,
    is_done: impl Fn(Fd) -> bool,
) -> Result<u32, Doubt> {
    let (mut left, is_alone) = (0, drain.is_only_thread_of_program());
    let (rings, mut is_any_unseen) = (owner.rings(), false);
    let is_any_being_made = rings.is_any_being_made();
    let is_excluded = |set| is_done(set) || drain.owns(set);
    let found =
        owner.sets().search(extent, &Budget::new(), is_alone, is_excluded, |set| match poller::leave(set, fd) {
            Ok(()) => {
                left += 1;
                Kind::Set
            }
            Err(Errno::NOENT) => Kind::Set,
            Err(Errno::BADF) => Kind::Free,
            Err(_) if rings.is_any() && rings.is_unseen(set) => {
                is_any_unseen = true;
                // To be asked again: it may be known by then.
                Kind::Set
            }
            Err(_) => Kind::Plain,
        });
    if is_any_unseen {
        if !is_any_being_made && !rings.is_any_being_made() {
            owner.has_harmful_ring();
        }
        return Err(Doubt::Blind);
    }
    found.map(|()| left).map_err(|_| Doubt::SetsBudget)
}

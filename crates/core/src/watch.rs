//! Leaving the program's epoll sets.
//!
//! epoll remembers the open file description, not the descriptor. If softclose
//! kept the description after the program's close, the program's set would go on
//! reporting a number that is closed, and `EPOLL_CTL_DEL` on it would fail: a
//! spinning event loop. So every set is left before the close.
//!
//! Context: any hook, on the program's threads.

use crate::ledger::Owner;
use crate::ledger::table::Watched;
use crate::sys::Fd;
use crate::sys::poller;
use crate::sys::procfs::{Dir, number};
use core::ops::ControlFlow::Continue;

/// Takes `fd` out of every epoll set of this process. False where that cannot be
/// known to be done. `known` says that hooks have followed the descriptor.
pub fn leave_all(fd: Fd, watched: Watched, known: bool) -> bool {
    match watched {
        Watched::No if known => true,
        Watched::By(set) if poller::leave(set, fd).is_ok() => true,
        _ => leave_each(fd).is_some(),
    }
}

#[inline(never)]
fn leave_each(fd: Fd) -> Option<()> {
    // Not in this one: ENOENT.
    each_set(|set| _ = poller::leave(set, fd))
}

/// Whether this process has an epoll set that no hook has seen, other than `ours`.
#[inline(never)]
pub fn has_unseen_set(owner: Owner<'_>, ours: Fd) -> bool {
    let mut unseen = false;
    each_set(|set| unseen |= set != ours && !owner.knows_set(set)).is_none() || unseen
}

#[inline(never)]
fn each_set(mut visit: impl FnMut(Fd)) -> Option<()> {
    let dir = Dir::root().and_then(|root| root.below(c"thread-self/fd")).ok()?;
    let end: Option<()> = dir
        .each(|name| {
            let set = number(name.to_bytes()).and_then(|raw| Fd::new(raw as i32));
            if let Some(set) = set.filter(|_| dir.is_link_to(name, b"anon_inode:[eventpoll]")) {
                visit(set);
            }
            Continue(())
        })
        .ok()?;
    end.is_none().then_some(())
}

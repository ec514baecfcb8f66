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
use crate::sys::poller::{self, Poller};
use crate::sys::procfs::{Dir, descriptor};
use crate::sys::socket;
use core::ops::ControlFlow::Continue;
use rustix::io::Errno;
use rustix::path::DecInt;

/// Takes `fd` out of every epoll set of this process. False where that cannot be
/// known to be done. `known` says that hooks have followed the descriptor.
pub fn leave_all(fd: Fd, watched: Watched, known: bool) -> bool {
    match watched {
        Watched::No if known => true,
        Watched::By(set) if poller::leave(set, fd).is_ok() => true,
        _ => leave_each(fd).is_some() && (known || !is_watched_by_another_number(fd)),
    }
}

/// Whether a set still watches the socket of `fd`: under a number that was closed
/// since, which nothing but the end of the description can undo. Of a connection that
/// no hook has seen coming nobody has kept account. Source: `ep_show_fdinfo`.
#[inline(never)]
fn is_watched_by_another_number(fd: Fd) -> bool {
    let Ok(inode) = socket::inode(fd) else { return true };
    let Ok(info) = Dir::root().and_then(|root| root.below(c"thread-self/fdinfo")) else { return true };
    let mut watched = false;
    let seen = each_set(|set| {
        let found = info.any_line(DecInt::new(set.raw()).as_c_str(), |line| names_inode(line, inode));
        // A set that is gone by now watches nothing.
        watched |= found.unwrap_or_else(|error| error != Errno::NOENT);
    });
    seen.is_none() || watched
}

/// `tfd: N events: N data: N pos:N ino:N sdev:N`, the inode in hexadecimal.
fn names_inode(line: &[u8], inode: u64) -> bool {
    let words = line.split(|&byte| byte == b' ').filter_map(|word| word.strip_prefix(b"ino:"));
    let inodes = words.filter_map(|word| u64::from_str_radix(core::str::from_utf8(word).ok()?, 16).ok());
    line.starts_with(b"tfd:") && { inodes }.any(|found| found == inode)
}

#[inline(never)]
fn leave_each(fd: Fd) -> Option<()> {
    // Not in this one: ENOENT.
    each_set(|set| _ = poller::leave(set, fd))
}

/// Whether this process has an epoll set that no hook has seen, and that is not ours.
#[inline(never)]
pub fn has_unseen_set(owner: Owner<'_>) -> bool {
    let mut unseen = false;
    let is_theirs = |set| !owner.knows_set(set) && Poller::verified(set).is_none();
    each_set(|set| unseen |= is_theirs(set)).is_none() || unseen
}

#[inline(never)]
fn each_set(mut visit: impl FnMut(Fd)) -> Option<()> {
    let dir = Dir::own_descriptors().ok()?;
    let end: Option<()> = dir
        .each(|name| {
            if let Some(set) = descriptor(name).filter(|_| dir.is_link_to(name, b"anon_inode:[eventpoll]")) {
                visit(set);
            }
            Continue(())
        })
        .ok()?;
    end.is_none().then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_set_names_an_inode() {
        let line = b"tfd:        5 events:       19 data:                5  pos:0 ino:1f61 sdev:6";
        assert!(names_inode(line, 0x1f61));
        assert!(!names_inode(line, 0x1f6));
        assert!(!names_inode(b"pos:\t0 ino:1f61", 0x1f61));
    }

    #[test]
    fn a_number_that_was_closed_is_found_in_a_set() {
        use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
        use std::os::fd::AsRawFd;
        let (one, _two) = std::os::unix::net::UnixStream::pair().unwrap();
        let copy = one.try_clone().unwrap();
        let number = |stream: &std::os::unix::net::UnixStream| Fd::new(stream.as_raw_fd()).unwrap();
        let set = Fd::adopt(epoll::create(CreateFlags::CLOEXEC).unwrap());
        epoll::add(set, number(&one), EventData::new_u64(0), EventFlags::IN).unwrap();
        drop(one);
        assert!(is_watched_by_another_number(number(&copy)));
        set.close();
        assert!(!is_watched_by_another_number(number(&copy)));
    }
}

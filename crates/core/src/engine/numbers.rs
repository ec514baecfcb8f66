//! Which of this process' descriptor numbers are connections, and which are ours.
//!
//! Context: hooks, on the program's threads; see [`crate::sys::procfs`].

use super::Engine;
use crate::decision::Phase;
use crate::judge::Looks;
use crate::ledger::Owner;
use crate::sys::procfs::{self, Dir, descriptor};
use crate::sys::{Fd, socket};
use core::ops::ControlFlow::{Break, Continue};
use rustix::io::Errno;

/// A number that a range of numbers cannot be closed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// The program does not know it.
    Private(Fd),
    /// It is to be closed for itself.
    Connection(Fd),
}

impl Stop {
    /// The number.
    pub fn fd(self) -> Fd {
        match self {
            Self::Private(fd) | Self::Connection(fd) => fd,
        }
    }
}

impl Engine {
    /// The first of these in a range of numbers. Connections that no hook has seen coming are
    /// stopped at as long as there is time for `looks`.
    #[inline(never)]
    pub fn next_stop(&self, owner: Owner<'_>, first: u32, last: u32, looks: Looks) -> Option<Stop> {
        let private = self.drain.next_private(first);
        let counted = owner.next_known(first, is_connected);
        // Procfs is for those that no hook has seen.
        let near = [private, counted].into_iter().flatten().min().map_or(last, |fd| last.min(fd.raw() as u32));
        let stray = if looks.are_over() { None } else { self.next_stray(owner, first, near) };
        let connections = [counted, stray].into_iter().flatten().map(Stop::Connection);
        let stops = connections.chain(private.map(Stop::Private));
        stops.filter(|stop| stop.fd().raw() as u32 <= last).min_by_key(|stop| stop.fd())
    }

    fn next_stray(&self, owner: Owner<'_>, first: u32, last: u32) -> Option<Fd> {
        let is_stray = |&fd: &Fd| !owner.knows(fd) && !self.drain.owns(fd) && is_connected(fd);
        if last.checked_sub(first)? < A_FEW {
            return (first..=last).filter_map(|raw| Fd::new(raw as i32)).find(is_stray);
        }
        let dir = Dir::own_descriptors().ok()?;
        dir.each(|name| {
            let fd = descriptor(name).filter(|fd| (first..=last).contains(&(fd.raw() as u32)));
            match fd.filter(is_stray) {
                Some(fd) => Break(fd),
                None => Continue(()),
            }
        })
        .ok()?
    }
}

/// So many numbers are looked at without procfs.
const A_FEW: u32 = 64;

/// Calls `visit` with the numbers of this process that may be sockets, all of them as long as
/// it answers true. Where the kernel says how many numbers are open, the lower ones are asked
/// for themselves: a look at procfs costs a small program more than all the rest of us.
pub fn each_socket(mut visit: impl FnMut(Fd) -> bool) {
    let beyond = match procfs::open_numbers() {
        Some(open) => visit_low(open, &mut visit),
        None => Some(0),
    };
    if let Some(first) = beyond {
        visit_by_procfs(first, visit);
    }
}

/// Answers the first number that was not asked for, if any is open from there on.
fn visit_low(open: u64, visit: &mut impl FnMut(Fd) -> bool) -> Option<i32> {
    const LOW: i32 = 8192;
    /// So many calls for nothing are as dear as procfs.
    const GAPS: u32 = 2048;
    let (mut left, mut gaps) = (open, 0);
    for fd in (0..LOW).filter_map(Fd::new) {
        if left == 0 {
            return None;
        }
        match socket::tcp_info(fd) {
            Err(Errno::BADF) if gaps == GAPS => return Some(fd.raw() + 1),
            Err(Errno::BADF) => gaps += 1,
            Ok(_) if !visit(fd) => return None,
            _ => left -= 1,
        }
    }
    (left != 0).then_some(LOW)
}

#[inline(never)]
fn visit_by_procfs(first: i32, mut visit: impl FnMut(Fd) -> bool) {
    let Ok(dir) = Dir::own_descriptors() else { return };
    let _ = dir.each(|name| {
        let fd = descriptor(name).filter(|fd| fd.raw() >= first && dir.socket_link(name).is_some());
        if fd.is_none_or(&mut visit) { Continue(()) } else { Break(()) }
    });
}

/// Whether `fd` is a TCP socket with a connection.
pub fn is_connected(fd: Fd) -> bool {
    socket::tcp_info(fd).is_ok_and(|info| Phase::of(info.state) != Phase::Unconnected)
}

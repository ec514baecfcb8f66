//! Which of this process' descriptor numbers are connections, and which are ours.
//!
//! Context: hooks, on the program's threads; see [`crate::sys::procfs`].

use super::Engine;
use crate::decision::Phase;
use crate::ledger::Owner;
use crate::sys::procfs::{Dir, descriptor};
use crate::sys::{Fd, socket};
use core::ops::ControlFlow::{Break, Continue};

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
    /// The first of these in a range of numbers.
    #[inline(never)]
    pub fn next_stop(&self, owner: Owner<'_>, first: u32, last: u32) -> Option<Stop> {
        let private = self.drain.next_private(first);
        let counted = owner.next_known(first, is_connected);
        // Procfs is for those that no hook has seen.
        let near = [private, counted].into_iter().flatten().min().map_or(last, |fd| last.min(fd.raw() as u32));
        let stray = self.next_stray(owner, first, near);
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

/// Calls `visit` with the number and inode of every socket in this process.
pub fn each_socket(mut visit: impl FnMut(Fd, u64)) {
    let Ok(dir) = Dir::own_descriptors() else { return };
    let _: Result<Option<()>, _> = dir.each(|name| {
        if let (Some(fd), Some(inode)) = (descriptor(name), dir.socket_link(name)) {
            visit(fd, inode);
        }
        Continue(())
    });
}

/// Whether `fd` is a TCP socket with a connection.
pub fn is_connected(fd: Fd) -> bool {
    socket::tcp_info(fd).is_ok_and(|info| Phase::of(info.state) != Phase::Unconnected)
}

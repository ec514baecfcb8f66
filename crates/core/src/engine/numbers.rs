//! The connections among this process' descriptor numbers.
//!
//! Context: hooks, on the program's threads; see [`crate::sys::procfs`].

use super::Engine;
use crate::decision::Phase;
use crate::ledger::Owner;
use crate::sys::procfs::{Dir, number};
use crate::sys::{Fd, socket};
use core::ops::ControlFlow::Continue;
use core::ops::RangeInclusive;

impl Engine {
    /// Calls `visit` for every connection with a number in `range`: those that are
    /// counted, and those that only procfs knows. It may close the number.
    #[inline(never)]
    pub fn each_connection(&self, owner: Owner<'_>, range: RangeInclusive<u32>, mut visit: impl FnMut(Fd)) {
        let is_meant = |fd: Fd| range.contains(&(fd.raw() as u32)) && is_connected(fd);
        owner.each(|fd| {
            if is_meant(fd) {
                visit(fd);
            }
        });
        each_socket(|fd, _| {
            if is_meant(fd) && !self.drain.owns(fd) {
                visit(fd);
            }
        });
    }
}

/// Calls `visit` with the number and inode of every socket in this process.
pub fn each_socket(mut visit: impl FnMut(Fd, u64)) {
    let Ok(dir) = Dir::root().and_then(|root| root.below(c"thread-self/fd")) else { return };
    let _: Result<Option<()>, _> = dir.each(|name| {
        let fd = number(name.to_bytes()).and_then(|raw| Fd::new(raw as i32));
        if let (Some(fd), Some(inode)) = (fd, dir.socket_link(name)) {
            visit(fd, inode);
        }
        Continue(())
    });
}

/// Whether `fd` is a TCP socket with a connection.
pub fn is_connected(fd: Fd) -> bool {
    socket::tcp_info(fd).is_ok_and(|info| Phase::of(info.state) != Phase::Unconnected)
}

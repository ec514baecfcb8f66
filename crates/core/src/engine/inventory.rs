//! What connections a process has at its end.
//!
//! Those that are counted, also where there is no procfs, and a few that only procfs knows.
//!
//! Context: the end of the process. It may look at procfs, within a budget.

use super::Engine;
use super::numbers::{each_socket, is_connected};
use crate::judge::Looks;
use crate::ledger::Owner;
use crate::settings::Strategy;
use crate::sys::procfs::{Dir, descriptor};
use crate::sys::{Fd, socket};
use core::ops::ControlFlow::{Break, Continue};

/// So many connections that no hook has seen coming are asked for; see [`Engine::strays`].
const FEW_STRAYS: usize = 16;

/// What there is to finish.
pub struct Inventory {
    /// Those that no hook has seen coming.
    pub strays: [Option<Fd>; FEW_STRAYS],
    /// The time that there is for those that others may have as well.
    pub looks: Looks,
    /// Most connections that are open, and that will be finished.
    pub open: usize,
    /// See `open`.
    pub ours: usize,
    /// Those that the drain holds.
    pub held: usize,
}

impl Engine {
    /// What there is now.
    #[inline(never)]
    pub(super) fn take_inventory(&self, owner: Owner<'_>) -> Inventory {
        let (strays, looks, held) = (self.strays(owner), Looks::begin(), self.drain.held() as usize);
        let (mut open, mut ours) = (0, 0);
        let mut count = |fd| {
            let is_open = is_connected(fd);
            open += usize::from(is_open);
            ours += usize::from(is_open && self.strategy(fd, owner.role(fd)) != Strategy::Observe);
        };
        strays.into_iter().flatten().for_each(&mut count);
        each_counted(owner, looks, count);
        Inventory { strays, looks: Looks::begin(), open, ours, held }
    }

    /// The connections that no hook has seen coming, if these are few: a server that was
    /// started for one has it under three numbers. A helper of a server that lets it inherit
    /// hundreds has nothing to do with them, and they end as natively.
    fn strays(&self, owner: Owner<'_>) -> [Option<Fd>; FEW_STRAYS] {
        let mut strays = [None; FEW_STRAYS];
        let (mut count, looks) = (0, Looks::begin());
        each_socket(|fd| {
            if !owner.knows(fd) && !self.drain.owns(fd) && is_connected(fd) {
                strays.get_mut(count).into_iter().for_each(|place| *place = Some(fd));
                count += 1;
            }
            let goes_on = count <= FEW_STRAYS && !looks.are_over();
            count = if goes_on { count } else { usize::MAX };
            goes_on
        });
        if count <= FEW_STRAYS { strays } else { [None; FEW_STRAYS] }
    }
}

/// Calls `visit` for the connections that are counted: first those that this process alone
/// was ever counted for, then the others while there is time. A child of a server with
/// thousands of them has nothing to do with most.
pub fn each_counted(owner: Owner<'_>, looks: Looks, mut visit: impl FnMut(Fd)) {
    owner.each(|fd| {
        if owner.is_only_ours(fd) {
            visit(fd);
        }
    });
    owner.each(|fd| {
        if !owner.is_only_ours(fd) && !looks.are_over() {
            visit(fd);
        }
    });
}

/// Whether no lower number refers to the same socket: an inetd server has it as
/// 0, 1 and 2.
#[inline(never)]
pub fn is_lowest(fd: Fd) -> bool {
    let (Ok(inode), Ok(dir)) = (socket::inode(fd), Dir::own_descriptors()) else { return false };
    let lower = dir.each(|name| {
        let is_lower = descriptor(name).is_some_and(|other| other < fd);
        if is_lower && dir.socket_link(name) == Some(inode) { Break(()) } else { Continue(()) }
    });
    lower == Ok(None)
}

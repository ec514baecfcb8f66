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
use crate::sys::{Fd, socket};

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

impl Inventory {
    /// Under how many numbers the process has the connection of `fd`, as far as that is known
    /// here: never too many.
    pub fn numbers_of(&self, fd: Fd) -> u64 {
        let cookie = socket::cookie(fd);
        let is_same = |other: &Fd| *other != fd && cookie.is_some() && socket::cookie(*other) == cookie;
        1 + self.strays.into_iter().flatten().filter(is_same).count() as u64
    }
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
        let (mut strays, mut are_few, looks) = ([None; FEW_STRAYS], true, Looks::begin());
        let mut places = strays.iter_mut();
        each_socket(|fd| {
            if !owner.knows(fd) && !self.drain.owns(fd) && is_connected(fd) {
                are_few = places.next().map(|place| *place = Some(fd)).is_some();
            }
            are_few = are_few && !looks.are_over();
            are_few
        });
        if are_few { strays } else { [None; FEW_STRAYS] }
    }

    /// Those of them that no lower number refers to as well: an inetd server has its connection
    /// as 0, 1 and 2.
    pub(super) fn lowest_strays(&self, inventory: &Inventory) -> impl Iterator<Item = Fd> {
        inventory.strays.into_iter().flatten().filter(|&fd| {
            let Some(cookie) = socket::cookie(fd) else { return false };
            let strays = inventory.strays.into_iter().flatten();
            let stray = strays.take_while(|&other| other < fd).find(|&other| socket::cookie(other) == Some(cookie));
            stray.or_else(|| self.ledger.number_of(cookie)).is_none_or(|other| other > fd)
        })
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

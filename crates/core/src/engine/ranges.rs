//! The numbers over which a range cannot be closed in one call (`close_range`, `closefrom`).
//!
//! Context: hooks.

use super::Engine;
use crate::holders::ledger::Owner;
use crate::sys::Fd;
use crate::sys::socket::is_connected;

/// A number in a range that is not closed together with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Obstacle {
    /// One of ours, which the program does not know: it stays open.
    Private(Fd),
    /// A connection: it is closed by itself.
    Connection(Fd),
}

impl Obstacle {
    /// The number.
    pub fn fd(self) -> Fd {
        match self {
            Self::Private(fd) | Self::Connection(fd) => fd,
        }
    }
}

impl Engine {
    /// The first obstacle in a range of numbers.
    pub fn next_obstacle(&self, owner: Owner<'_>, first: u32, last: u32) -> Option<Obstacle> {
        let private = self.drain.next_private(first).map(Obstacle::Private);
        let counted = owner.next_known(first, is_connected).map(Obstacle::Connection);
        let stops = private.into_iter().chain(counted);
        stops.filter(|stop| stop.fd().raw() as u32 <= last).min_by_key(|stop| stop.fd())
    }
}

//! Which of this process' descriptor numbers are connections, and which are ours.
//!
//! Context: hooks.

use super::Engine;
use crate::holders::ledger::Owner;
use crate::sys::Fd;
use crate::sys::socket::is_connected;

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
    pub fn next_stop(&self, owner: Owner<'_>, first: u32, last: u32) -> Option<Stop> {
        let private = self.drain.next_private(first).map(Stop::Private);
        let counted = owner.next_known(first, is_connected).map(Stop::Connection);
        let stops = private.into_iter().chain(counted);
        stops.filter(|stop| stop.fd().raw() as u32 <= last).min_by_key(|stop| stop.fd())
    }
}

//! What is kept of a connection for its line in the log: both addresses, and its state when the
//! program closed it.
//!
//! After a reset the kernel no longer tells the address of the peer. So it is asked at the close,
//! where a line may be written later.
//!
//! Context: any hook, and the drainer's thread; async-signal-safe.

use super::line::Line;
use crate::sys::socket::Role;
use crate::sys::{Fd, socket};
use crate::zeroed;
use core::net::Ipv6Addr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};

zeroed! {
    /// What is kept of one connection. All zeroes mean that nothing is kept.
    #[derive(Debug, Default)]
    pub struct Note {
        local: Address,
        peer: Address,
        unread: AtomicU64,
        /// The [`Role`] as a number, plus 1; 0 where nothing is kept.
        role: AtomicU32,
        /// `tcpi_state`.
        state: AtomicU32,
    }
}

zeroed! {
    #[derive(Debug, Default)]
    struct Address {
        /// The upper and the lower 64 bits of the IPv6 address. An IPv4 address is IPv4-mapped (RFC
        /// 4291 section 2.5.5.2).
        halves: [AtomicU64; 2],
        /// The port, plus 1; 0 where there is no address.
        port: AtomicU64,
    }
}

impl Address {
    fn set(&self, address: Option<(Ipv6Addr, u16)>) {
        let (address, port) = address.map_or((0, 0), |(address, port)| (address.to_bits(), u64::from(port) + 1));
        let [high, low] = &self.halves;
        high.store((address >> 64) as u64, Relaxed);
        low.store(address as u64, Relaxed);
        self.port.store(port, Relaxed);
    }

    fn get(&self) -> Option<(Ipv6Addr, u16)> {
        let [high, low] = &self.halves;
        let port = self.port.load(Relaxed).checked_sub(1)?;
        let bits = u128::from(high.load(Relaxed)) << 64 | u128::from(low.load(Relaxed));
        Some((Ipv6Addr::from_bits(bits), port as u16))
    }
}

impl Note {
    /// A note of a connection that the program closes.
    #[inline(never)]
    pub fn of(fd: Fd, role: Role) -> Self {
        let note = Self::default();
        note.take(fd, role);
        note
    }

    /// Keeps here what the kernel says of this connection now.
    pub fn take(&self, fd: Fd, role: Role) {
        self.local.set(socket::local_address(fd));
        self.peer.set(socket::peer_address(fd));
        self.unread.store(socket::unread(fd), Relaxed);
        self.role.store(role as u32 + 1, Relaxed);
        self.state.store(socket::tcp_info(fd).map_or(0, |info| u32::from(info.state)), Relaxed);
    }

    /// Keeps here what another note keeps.
    pub fn copy(&self, other: &Self) {
        self.local.set(other.local.get());
        self.peer.set(other.peer.get());
        self.unread.store(other.unread.load(Relaxed), Relaxed);
        self.role.store(other.role.load(Relaxed), Relaxed);
        self.state.store(other.state.load(Relaxed), Relaxed);
    }

    /// Adds what is kept to a line.
    fn tell(&self, line: &mut Line) {
        let role = match self.role.load(Relaxed) {
            0 => return,
            role if role == Role::Accepted as u32 + 1 => "accepted",
            _ => "connected",
        };
        line.word("role", role).address("local", self.local.get()).address("peer", self.peer.get());
        line.word("state", socket::state_name(self.state.load(Relaxed) as u8))
            .field("unread", self.unread.load(Relaxed));
    }
}

impl Line {
    /// Adds what is kept of a connection, if anything is.
    pub fn connection(&mut self, note: Option<&Note>) -> &mut Self {
        note.into_iter().for_each(|note| note.tell(self));
        self
    }
}

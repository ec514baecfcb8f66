//! The addresses of a connection.
//!
//! Context: async-signal-safe; one system call each.

use crate::sys::fd::Fd;
use core::net::{IpAddr, Ipv6Addr, SocketAddr};

/// The address and port on this side. An IPv4 address is IPv4-mapped (RFC 4291 section 2.5.5.2).
pub fn local_address(fd: Fd) -> Option<(Ipv6Addr, u16)> {
    SocketAddr::try_from(rustix::net::getsockname(fd).ok()?).ok().map(mapped)
}

/// The address and port of the peer, as in [`local_address`]. `None` also where there is no
/// connection any more.
pub fn peer_address(fd: Fd) -> Option<(Ipv6Addr, u16)> {
    SocketAddr::try_from(rustix::net::getpeername(fd).ok()??).ok().map(mapped)
}

fn mapped(address: SocketAddr) -> (Ipv6Addr, u16) {
    let ip = match address.ip() {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    };
    (ip, address.port())
}

/// The port on this side.
pub fn local_port(fd: Fd) -> Option<u16> {
    local_address(fd).map(|(_, port)| port)
}

/// The peer's address.
pub fn peer(fd: Fd) -> Option<Ipv6Addr> {
    peer_address(fd).map(|(address, _)| address)
}

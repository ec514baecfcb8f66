//! What a rule asks of a connection: ranges of ports and prefixes of addresses.
//!
//! Addresses are compared as IPv6 addresses. So an IPv4 peer is the same whether it came to an IPv4
//! socket or, IPv4-mapped (RFC 4291 section 2.5.5.2), to an IPv6 one. An IPv6 prefix shorter than
//! that of the mapped addresses, 96 bits, does not cover IPv4 peers.
//!
//! Context: pure functions, no allocation.

use super::role::RolePolicy;
use core::net::{IpAddr, Ipv6Addr};

/// The answers that a rule needs of a connection. An implementation should remember an answer that
/// takes a system call: several rules may ask for it.
pub trait Connection {
    /// Whether the connection has this role.
    fn has_role(&self, role: RolePolicy) -> bool;
    /// The port on this side.
    fn local_port(&self) -> Option<u16>;
    /// The address of the peer; an IPv4 address is IPv4-mapped.
    fn peer(&self) -> Option<Ipv6Addr>;
}

/// A range of ports: the first and the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports(u16, u16);

/// A prefix of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Prefix {
    /// The address, with zeroes behind the prefix.
    address: u128,
    bits: u32,
}

impl Ports {
    /// Parses `80` or `8000-8999`.
    pub fn parse(text: &str) -> Option<Self> {
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let ports = Self(number(first)?, number(last)?);
        (ports.0 <= ports.1).then_some(ports)
    }

    /// Whether the range contains this port.
    pub fn contain(self, port: u16) -> bool {
        (self.0..=self.1).contains(&port)
    }
}

/// A number made of digits only: `parse` alone would take a sign as well.
fn number(text: &str) -> Option<u16> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

impl Prefix {
    /// Bits of the prefix of all IPv4-mapped addresses.
    const MAPPED: u32 = 96;

    /// Parses an address, or an address, `/` and a number of bits.
    pub fn parse(text: &str) -> Option<Self> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(u32::from(number(bits)?))),
            None => (text, None),
        };
        let (address, most, before) = match address.parse().ok()? {
            IpAddr::V4(address) => (address.to_ipv6_mapped(), 32, Self::MAPPED),
            IpAddr::V6(address) => (address, 128, 0),
        };
        let bits = bits.unwrap_or(most);
        (bits <= most).then(|| Self { address: head(address.to_bits(), bits + before), bits: bits + before })
    }

    /// Whether the address has this prefix.
    pub fn covers(self, peer: Ipv6Addr) -> bool {
        let is_other_family = self.bits < Self::MAPPED && peer.to_ipv4_mapped().is_some();
        !is_other_family && head(peer.to_bits(), self.bits) == self.address
    }
}

/// The first `bits` bits of `address`, with zeroes behind.
fn head(address: u128, bits: u32) -> u128 {
    let behind = u128::MAX.checked_shr(bits).unwrap_or(0);
    address & !behind
}

//! One line of the log, put together by copying into a fixed buffer.
//!
//! Context: async-signal-safe; no allocation, no formatting, no system call.

use core::net::{Ipv4Addr, Ipv6Addr};

/// Bytes of the longest line. A line with two IPv6 addresses fits, and syslog takes up to 1024 bytes
/// (RFC 3164).
const CAPACITY: usize = 512;

/// A line that is being put together.
pub struct Line {
    buffer: [u8; CAPACITY],
    len: usize,
}

impl Line {
    /// An empty line.
    pub const fn new() -> Self {
        Self { buffer: [0; CAPACITY], len: 0 }
    }

    /// Adds text, cut off where it does not fit.
    pub fn text(&mut self, text: &str) -> &mut Self {
        // One byte stays free for the end of the line.
        let free = self.buffer.len() - 1;
        for (to, from) in self.buffer.iter_mut().take(free).skip(self.len).zip(text.bytes()) {
            *to = from;
            self.len += 1;
        }
        self
    }

    /// Adds a decimal number.
    pub fn number(&mut self, mut value: u64) -> &mut Self {
        let mut digits = [0; 20];
        let mut count = 0;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            count += 1;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        let digits = digits.get(20 - count..).unwrap_or_default();
        self.text(core::str::from_utf8(digits).unwrap_or_default())
    }

    /// Adds ` key=value`.
    pub fn field(&mut self, key: &str, value: u64) -> &mut Self {
        self.text(" ").text(key).text("=").number(value)
    }

    /// Adds ` key=word`.
    pub fn word(&mut self, key: &str, value: &str) -> &mut Self {
        self.text(" ").text(key).text("=").text(value)
    }

    /// Adds ` key=ADDRESS:PORT`, or ` key=-`.
    pub fn address(&mut self, key: &str, address: Option<(Ipv6Addr, u16)>) -> &mut Self {
        self.text(" ").text(key).text("=");
        let Some((address, port)) = address else { return self.text("-") };
        match address.to_ipv4_mapped() {
            Some(address) => self.ipv4(address),
            None => self.text("[").ipv6(address).text("]"),
        };
        self.text(":").number(u64::from(port))
    }

    fn ipv4(&mut self, address: Ipv4Addr) -> &mut Self {
        for (at, byte) in address.octets().into_iter().enumerate() {
            self.text(if at == 0 { "" } else { "." }).number(u64::from(byte));
        }
        self
    }

    /// Adds an address as RFC 5952 says: the longest run of zero groups is left out, and of several
    /// equally long ones the first.
    fn ipv6(&mut self, address: Ipv6Addr) -> &mut Self {
        let groups = address.segments();
        let zeroes = |from: usize| groups.iter().skip(from).take_while(|&&group| group == 0).count();
        let longest = (0..8).rev().max_by_key(|&from| zeroes(from)).filter(|&from| zeroes(from) > 1).unwrap_or(8);
        let run = longest..longest + zeroes(longest);
        for (at, group) in groups.into_iter().enumerate() {
            match at {
                _ if at == run.start => _ = self.text("::"),
                _ if run.contains(&at) => {}
                _ => _ = self.text(if at == 0 || at == run.end { "" } else { ":" }).hexadecimal(group),
            }
        }
        self
    }

    fn hexadecimal(&mut self, group: u16) -> &mut Self {
        let leading = (group.leading_zeros() as usize / 4).min(3);
        for place in leading..4 {
            let digit = usize::from(group >> (12 - 4 * place)) % 16;
            self.text("0123456789abcdef".get(digit..=digit).unwrap_or_default());
        }
        self
    }

    /// The line so far, and one byte more: the line end, after [`Line::end`].
    pub fn bytes(&self) -> &[u8] {
        self.buffer.get(..=self.len).unwrap_or_default()
    }

    /// Adds the line end.
    pub fn end(mut self) -> Self {
        if let Some(last) = self.buffer.get_mut(self.len) {
            *last = b'\n';
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::{IpAddr, SocketAddr};

    #[test]
    fn a_line_is_put_together_without_formatting() {
        let mut line = Line::new();
        line.text("close").field("fd", 0).field("bytes", u64::MAX).word("end", "fin");
        assert_eq!(line.end().bytes(), b"close fd=0 bytes=18446744073709551615 end=fin\n");
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        let all = ["127.0.0.1", "255.0.10.9", "::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1"];
        let more = ["fe80::a:0:0:b", "1:0:0:2::3", "1::2:3:0:0:4", "0:1::", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"];
        for text in all.into_iter().chain(more) {
            let address: SocketAddr = (text.parse::<IpAddr>().unwrap(), 80).into();
            let ip = match address.ip() {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            let mut line = Line::new();
            line.address("peer", Some((ip, 80)));
            assert_eq!(line.end().bytes(), format!(" peer={address}\n").as_bytes());
        }
    }

    #[test]
    fn a_line_that_is_too_long_still_ends() {
        let mut line = Line::new();
        for _ in 0..100 {
            line.text("0123456789");
        }
        let line = line.end();
        assert_eq!(line.bytes().len(), CAPACITY);
        assert_eq!(line.bytes().last(), Some(&b'\n'));
    }
}

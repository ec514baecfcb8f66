//! One line an event, from any context, never waiting.
//!
//! A hook may not format, allocate or block, so a line is put together by copying
//! into a fixed buffer, and written only where that is done at once; else it is
//! dropped and counted.
//!
//! | file | one idea |
//! |---|---|
//! | [`target`] | where lines go: stderr, a file, syslog |
//! | [`note`] | what is kept of a connection for its line |
//!
//! Context: any hook, and the drainer's thread.

pub mod note;
mod target;

use crate::counters::Counters;
use crate::settings::{LogLevel, Settings};
use crate::sys::Fd;
use core::net::{Ipv4Addr, Ipv6Addr};
use note::Note;
use target::Target;

/// Where the lines go.
pub struct Log {
    level: LogLevel,
    target: Option<Target>,
}

/// A line about two IPv6 addresses fits in, and syslog takes as much (RFC 3164: 1024).
const ROOM: usize = 512;

/// One line in the making.
pub struct Line {
    room: [u8; ROOM],
    len: usize,
}

/// Writes a line of text to stderr, as any other: where that is done at once, and no
/// client of the program's is there.
pub fn complain(line: &str) {
    let _ = Target::stderr().is_some_and(|target| target.write(line.as_bytes()));
}

impl Log {
    /// Opens the log that the settings ask for. What cannot be opened falls back to
    /// stderr; answers whether it had to.
    pub fn open(settings: &Settings) -> (Self, bool) {
        let wanted = settings.log != LogLevel::Off && !settings.log_file.is_empty();
        let named = if wanted { Target::named(&settings.log_file) } else { None };
        let fell_back = wanted && named.is_none();
        (Self { level: settings.log, target: named.or_else(Target::stderr) }, fell_back)
    }

    /// Whether events of this level are written.
    pub fn wants(&self, level: LogLevel) -> bool {
        self.level >= level
    }

    /// Whether single connections may be told of.
    pub fn is_talkative(&self) -> bool {
        self.wants(LogLevel::Info)
    }

    /// The number that lines are written to.
    pub fn number(&self) -> Option<Fd> {
        self.target.and_then(Target::number)
    }

    /// A line of this level, so far.
    pub fn line(&self, level: LogLevel) -> Line {
        let mut line = Line { room: [0; ROOM], len: 0 };
        if let Some(target) = &self.target {
            target.begin(level, &mut line);
        }
        line.text("softclose[").number(u64::from(rustix::process::getpid().as_raw_nonzero().get() as u32)).text("]:");
        line
    }

    /// Writes `line`, or drops and counts it.
    pub fn write(&self, line: Line, counters: &Counters) {
        if !self.target.is_some_and(|target| target.write(line.bytes())) {
            counters.log_dropped();
        }
    }
}

impl Line {
    /// Adds text; what does not fit is cut off.
    pub fn text(&mut self, text: &str) -> &mut Self {
        // One byte stays free for the end of the line.
        let free = self.room.len() - 1;
        for (to, from) in self.room.iter_mut().take(free).skip(self.len).zip(text.bytes()) {
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

    /// Adds what was noted of a connection.
    pub fn connection(&mut self, note: Option<&Note>) -> &mut Self {
        note.into_iter().for_each(|note| note.tell(self));
        self
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

    /// RFC 5952: the longest run of zeroes is left out, the first of several.
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

    fn bytes(&self) -> &[u8] {
        self.room.get(..=self.len).unwrap_or_default()
    }

    /// Ends the line.
    pub fn end(mut self) -> Self {
        if let Some(last) = self.room.get_mut(self.len) {
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
        let mut line = Line { room: [0; ROOM], len: 0 };
        line.text("close").field("fd", 0).field("bytes", u64::MAX).word("end", "fin");
        assert_eq!(line.end().bytes(), b"close fd=0 bytes=18446744073709551615 end=fin\n");
    }

    #[test]
    fn addresses_are_written_as_anybody_writes_them() {
        let all = ["127.0.0.1", "255.0.10.9", "::", "::1", "1::", "2001:db8::1", "2001:db8:0:1:1:1:1:1"];
        let more = ["fe80::a:0:0:b", "1:0:0:2::3", "1::2:3:0:0:4", "0:1::", "abcd:ef01:2345:6789:abcd:ef01:2345:6789"];
        for text in all.into_iter().chain(more) {
            let address: SocketAddr = (text.parse::<IpAddr>().unwrap(), 80).into();
            let ip = match address.ip() {
                IpAddr::V4(ip) => ip.to_ipv6_mapped(),
                IpAddr::V6(ip) => ip,
            };
            let mut line = Line { room: [0; ROOM], len: 0 };
            line.address("peer", Some((ip, 80)));
            assert_eq!(line.end().bytes(), format!(" peer={address}\n").as_bytes());
        }
    }

    #[test]
    fn a_line_that_is_too_long_still_ends() {
        let mut line = Line { room: [0; ROOM], len: 0 };
        for _ in 0..100 {
            line.text("0123456789");
        }
        let line = line.end();
        assert_eq!(line.bytes().len(), ROOM);
        assert_eq!(line.bytes().last(), Some(&b'\n'));
    }
}

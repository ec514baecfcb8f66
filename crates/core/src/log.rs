//! One line an event, from any context, never waiting.
//!
//! A hook may not format, allocate or block, so a line is put together by copying
//! into a fixed buffer, and written only where `poll` says that it will go
//! through; else it is dropped and counted. The log file is opened once, by the
//! constructor, on a private number; before every write its identity is checked,
//! for the program may have closed a number that it does not know.
//!
//! Context: any hook, and the drainer's thread.

use crate::counters::Counters;
use crate::settings::{LogLevel, Settings};
use crate::sys::{Fd, socket};
use rustix::fs::{CWD, FileType, Mode, OFlags, fstat, openat};

/// Where the lines go.
pub struct Log {
    level: LogLevel,
    target: Option<Target>,
}

/// A descriptor, with the device and inode that it had at the start.
#[derive(Clone, Copy)]
struct Target {
    fd: Fd,
    device: u64,
    inode: u64,
}

/// One line in the making.
pub struct Line {
    room: [u8; 240],
    len: usize,
}

impl Log {
    /// Opens the log that the settings ask for. A file that cannot be opened
    /// falls back to stderr; answers whether it had to.
    pub fn open(settings: &Settings) -> (Self, bool) {
        let stderr = Fd::new(2).and_then(identified);
        let wanted = settings.log != LogLevel::Off && !settings.log_file.is_empty();
        let file = if wanted { open_file(&settings.log_file) } else { None };
        let target = file.or(stderr);
        (Self { level: settings.log, target }, wanted && file.is_none())
    }

    /// Whether events of this level are written.
    pub fn wants(&self, level: LogLevel) -> bool {
        self.level >= level
    }

    /// Writes `line`, or drops and counts it.
    pub fn write(&self, line: Line, counters: &Counters) {
        let written = self.target().is_some_and(|fd| {
            // A pipe that is writable takes PIPE_BUF bytes at once, a file always.
            socket::is_writable(fd) && rustix::io::write(fd, line.bytes()).is_ok()
        });
        if !written {
            counters.log_dropped();
        }
    }

    /// The program may have put a file of its own on number 2, or on ours.
    fn target(&self) -> Option<Fd> {
        let Target { fd, device, inode } = self.target?;
        fstat(fd).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (device, inode)).then_some(fd)
    }
}

/// Not a socket: an inetd server's stderr is its client.
fn identified(fd: Fd) -> Option<Target> {
    let stat = fstat(fd).ok()?;
    let is_socket = FileType::from_raw_mode(stat.st_mode) == FileType::Socket;
    (!is_socket).then_some(Target { fd, device: stat.st_dev, inode: stat.st_ino })
}

/// The file on a number that programs do not reach by counting up from 3.
fn open_file(path: &str) -> Option<Target> {
    const PRIVATE: i32 = 200;
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW;
    let low = Fd::adopt(openat(CWD, path, flags, Mode::from_raw_mode(0o600)).ok()?);
    let high = low.duplicate_from(PRIVATE).or_else(|_| low.duplicate_from(3));
    low.close();
    identified(high.ok()?)
}

impl Line {
    /// `softclose[PID]:`
    pub fn begin() -> Self {
        let mut line = Self { room: [0; 240], len: 0 };
        line.text("softclose[").number(u64::from(rustix::process::getpid().as_raw_nonzero().get() as u32)).text("]:");
        line
    }

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

    #[test]
    fn a_line_is_put_together_without_formatting() {
        let mut line = Line { room: [0; 240], len: 0 };
        line.text("close").field("fd", 0).field("bytes", u64::MAX).word("end", "fin");
        assert_eq!(line.end().bytes(), b"close fd=0 bytes=18446744073709551615 end=fin\n");
    }

    #[test]
    fn a_line_that_is_too_long_still_ends() {
        let mut line = Line { room: [0; 240], len: 0 };
        for _ in 0..100 {
            line.text("0123456789");
        }
        let line = line.end();
        assert_eq!(line.bytes().len(), 240);
        assert_eq!(line.bytes().last(), Some(&b'\n'));
    }
}

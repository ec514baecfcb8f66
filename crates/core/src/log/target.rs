//! Where lines go: stderr, a file, or syslog.
//!
//! No write waits. None raises a signal: not `SIGPIPE`, where a pipe has no reader, and not
//! `SIGXFSZ`, beyond `RLIMIT_FSIZE`.
//!
//! The constructor opens the file or the socket to syslog, on a high number that the program does
//! not know. Before every write it is checked that the number still is that file: the program may
//! have closed it, or have opened a file of its own as number 2.
//!
//! Context: any hook, and the drainer's thread; async-signal-safe, but for [`Target::named`].

use super::line::Line;
use crate::settings::LogLevel;
use crate::sys::signals::quietly;
use crate::sys::{Fd, socket};
use core::ffi::CStr;
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, fstat, openat, statat};
use rustix::io::{Errno, IoSlice, ReadWriteFlags, pwritev2};
use rustix::net::{AddressFamily, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect, send, socket_with};
use std::ffi::CString;

/// A descriptor, with the device and inode of its file when it was opened.
#[derive(Clone, Copy)]
pub struct Target {
    fd: Fd,
    device: u64,
    inode: u64,
    /// The path of syslog's socket, where lines go to syslog.
    syslog: Option<&'static CStr>,
}

impl Target {
    /// stderr, unless it is a socket: of a server that inetd has started, that is the client.
    pub fn stderr() -> Option<Self> {
        Fd::new(2).and_then(Self::of).filter(|target| target.file_type() != Some(FileType::Socket))
    }

    /// The target that `SOFTCLOSE_LOG_FILE` names. `None` where it cannot be opened. For the
    /// constructor only: it allocates.
    pub fn named(name: &str) -> Option<Self> {
        const SYSLOG: &str = "/dev/log";
        match name.strip_prefix("syslog") {
            Some(rest) if !name.starts_with('/') => {
                let path = CString::new(rest.strip_prefix(':').unwrap_or(SYSLOG)).ok()?;
                Self::syslog(Box::leak(path.into_boxed_c_str()))
            }
            _ => Self::file(name),
        }
    }

    /// Opens a file. A FIFO is opened for reading and writing: so the call does not wait for a reader,
    /// and a later write does not fail for want of one.
    fn file(path: &str) -> Option<Self> {
        let is_fifo = statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW)
            .is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::Fifo);
        let access = if is_fifo { OFlags::RDWR } else { OFlags::WRONLY | OFlags::APPEND | OFlags::CREATE };
        let flags = access | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NOFOLLOW;
        Self::of(private(Fd::adopt(openat(CWD, path, flags, Mode::from_raw_mode(0o600)).ok()?))?)
    }

    fn syslog(path: &'static CStr) -> Option<Self> {
        let low = Fd::adopt(socket_with(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::CLOEXEC, None).ok()?);
        if connect_to(low, path).is_err() {
            low.close();
            return None;
        }
        Some(Self { syslog: Some(path), ..Self::of(private(low)?)? })
    }

    fn of(fd: Fd) -> Option<Self> {
        let stat = fstat(fd).ok()?;
        Some(Self { fd, device: stat.st_dev, inode: stat.st_ino, syslog: None })
    }

    /// The descriptor, if it still is the same file.
    pub fn number(self) -> Option<Fd> {
        self.is_still_it().then_some(self.fd)
    }

    fn file_type(&self) -> Option<FileType> {
        fstat(self.fd).ok().map(|stat| FileType::from_raw_mode(stat.st_mode))
    }

    fn is_still_it(&self) -> bool {
        fstat(self.fd).is_ok_and(|stat| (stat.st_dev, stat.st_ino) == (self.device, self.inode))
    }

    /// Begins a line. Lines to syslog begin with the facility `daemon` and a severity (RFC 3164 section
    /// 4.1.1).
    pub fn begin(&self, level: LogLevel, line: &mut Line) {
        const DAEMON: u64 = 3 << 3;
        let severity = match level {
            LogLevel::Off | LogLevel::Error => 3,
            LogLevel::Info => 6,
            LogLevel::Debug => 7,
        };
        if self.syslog.is_some() {
            line.text("<").number(DAEMON | severity).text(">");
        }
    }

    /// Writes a whole line. False where that would have to wait, or fails.
    pub fn write(self, line: &[u8]) -> bool {
        self.is_still_it()
            && match self.syslog {
                Some(path) => self.send(path, line),
                None => quietly(|| self.write_at_once(line)).is_ok(),
            }
    }

    fn write_at_once(self, line: &[u8]) -> Result<usize, Errno> {
        // Another process may fill the pipe between a question and the write. So the kernel is asked
        // not to wait.
        if self.file_type() == Some(FileType::Fifo) {
            match pwritev2(self.fd, &[IoSlice::new(line)], u64::MAX, ReadWriteFlags::NOWAIT) {
                Err(Errno::OPNOTSUPP | Errno::NOSYS) => {}
                written => return written,
            }
        }
        // A pipe or terminal that is writable takes PIPE_BUF bytes at once; a file always takes them.
        if socket::is_writable(self.fd) { rustix::io::write(self.fd, line) } else { Err(Errno::AGAIN) }
    }

    /// Sends a line to syslog. The daemon may have been restarted: then the socket is connected again.
    fn send(self, path: &CStr, line: &[u8]) -> bool {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let sent = || send(self.fd, text, SendFlags::DONTWAIT | SendFlags::NOSIGNAL);
        match sent() {
            Err(Errno::CONNREFUSED | Errno::NOTCONN) => connect_to(self.fd, path).is_ok() && sent().is_ok(),
            answer => answer.is_ok(),
        }
    }
}

fn connect_to(fd: Fd, path: &CStr) -> Result<(), Errno> {
    connect(fd, &SocketAddrUnix::new(path)?)
}

/// Moves a descriptor to number 200 or above, which the program does not get by counting up from 3; or
/// to any number from 3 on.
fn private(low: Fd) -> Option<Fd> {
    const PRIVATE: i32 = 200;
    let high = low.duplicate_from(PRIVATE).or_else(|_| low.duplicate_from(3));
    low.close();
    high.ok()
}

//! Files that the program names, looked at without trust in its pointers: only the kernel follows
//! them, and answers `EFAULT` for a bad one.
//!
//! Context: async-signal-safe.

use crate::sys::fd::Fd;
use crate::sys::memory::peek::own_memory;
use crate::sys::raw::{nr, syscall6};
use crate::sys::socket::is_writable;
use core::ffi::c_char;
use rustix::fs::FileType;
use rustix::io::{Errno, Result};

/// Stands for the working directory (`AT_FDCWD`).
pub const HERE: i32 = -100;

const O_CLOEXEC: usize = 0o2_000_000;
const O_NONBLOCK: usize = 0o4000;
const O_NOCTTY: usize = 0o400;
const O_PATH: usize = 0o10_000_000;

/// Whether a file may be executed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// A regular file that we may execute.
    Executable,
    /// It is missing, is no regular file, or we may not execute it.
    Denied,
    /// The kernel answered another error.
    Unknown,
}

/// Whether the file `path`, as seen from directory `dir`, may be executed. The file is opened with
/// `O_PATH` only, so that a device or a FIFO does not notice.
pub fn access(dir: i32, path: *const c_char) -> Access {
    match open_with(dir, path, O_PATH) {
        Ok(fd) => {
            let is_executable = is_executable(fd);
            fd.close();
            if is_executable { Access::Executable } else { Access::Denied }
        }
        Err(Errno::NOENT | Errno::NOTDIR | Errno::ACCESS) => Access::Denied,
        Err(_) => Access::Unknown,
    }
}

/// Whether an open file is a regular one that we may execute: its mode allows it to our effective
/// ids, and its mount has no `noexec`.
pub fn is_executable(fd: Fd) -> bool {
    const X_OK: usize = 1;
    const AT_EACCESS: usize = 0x200;
    const AT_EMPTY_PATH: usize = 0x1000;
    let args = [fd.index(), c"".as_ptr() as usize, X_OK, AT_EACCESS | AT_EMPTY_PATH, 0, 0];
    is_regular(fd)
        // SAFETY: the path is a terminated constant.
        && unsafe { syscall6(nr::FACCESSAT2, args) }.is_ok()
}

/// Whether an open file is a regular one.
pub fn is_regular(fd: Fd) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}

/// Whether a write of this many bytes returns at once, whoever else there is to read them: into a regular
/// file or the null device, or where there is room now, into a pipe or a socket. (A pipe that is not full
/// has room for `PIPE_BUF` bytes, pipe(7); a socket that can be written to has room for more.)
pub fn takes_at_once(fd: Fd, bytes: usize) -> bool {
    const PIPE_BUF: usize = 4096;
    let Ok(stat) = rustix::fs::fstat(fd) else { return false };
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => true,
        FileType::CharacterDevice => stat.st_rdev == rustix::fs::makedev(1, 3),
        FileType::Fifo | FileType::Socket => bytes <= PIPE_BUF && is_writable(fd),
        _ => false,
    }
}

/// Whether an open file has a set-user-id or set-group-id bit. The loader may then refuse to
/// preload a library that is named by a path (`AT_SECURE`, ld.so(8)).
pub fn may_set_ids(fd: Fd) -> bool {
    const SET_IDS: u32 = 0o6000;
    rustix::fs::fstat(fd).is_ok_and(|stat| stat.st_mode & SET_IDS != 0)
}

/// Opens a file for reading, without waiting where it is a FIFO.
///
/// # Errors
/// As `openat(2)`; `EFAULT` for a bad pointer.
pub fn open(dir: i32, path: *const c_char) -> Result<Fd> {
    open_with(dir, path, O_NONBLOCK | O_NOCTTY)
}

fn open_with(dir: i32, path: *const c_char, flags: usize) -> Result<Fd> {
    let args = [dir as usize, path as usize, flags | O_CLOEXEC, 0, 0, 0];
    // SAFETY: the kernel reads the path, and answers EFAULT where it cannot.
    let raw = unsafe { syscall6(nr::OPENAT, args) }?;
    Fd::new(raw as i32).ok_or(Errno::BADF)
}

/// Whether any process has the file open for writing, so that `execve` answers `ETXTBSY`. The
/// kernel tells only the owner of the file: it refuses to give a read lease. False for others.
pub fn is_being_written(fd: Fd) -> bool {
    const F_SETSIG: usize = 10;
    const F_SETLEASE: usize = 1024;
    const F_RDLCK: usize = 0;
    const F_UNLCK: usize = 2;
    const SIGURG: usize = 23;
    // SAFETY: fcntl with integer arguments only.
    let control = |command, value| unsafe { syscall6(nr::FCNTL, [fd.index(), command, value, 0, 0, 0]) };
    // A process that opens the file for writing while we have the lease makes the kernel send us
    // a signal: SIGURG, which is ignored by default.
    let refused = control(F_SETSIG, SIGURG).is_ok() && control(F_SETLEASE, F_RDLCK) == Err(Errno::AGAIN);
    let _ = control(F_SETLEASE, F_UNLCK);
    refused
}

/// Whether a path that the program gave is the empty string.
pub fn is_empty(path: *const c_char) -> bool {
    let mut first = [1];
    own_memory(path as usize, &mut first) == 1 && first == [0]
}

/// Reads from byte `offset` on into `buffer`, and answers how many bytes; `None` on any error.
pub fn read_at(fd: Fd, buffer: &mut [u8], offset: u64) -> Option<usize> {
    rustix::io::pread(fd, buffer, offset).ok()
}

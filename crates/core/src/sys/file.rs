//! Files and memory that a program names, looked at without trusting its pointers:
//! only the kernel follows them, and answers `EFAULT`.

use super::Fd;
use super::process;
use super::raw::{nr, syscall6};
use core::ffi::c_char;
use rustix::fs::FileType;
use rustix::io::{Errno, Result};

/// The working directory (`AT_FDCWD`).
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
    /// It is not there, not a regular file, or not for us.
    Denied,
    /// Something else is in the way.
    Unknown,
}

/// Looks without opening: a device or a FIFO must not notice.
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

/// Whether an open file is a regular one that we may execute: by our effective ids,
/// and where it is mounted.
pub fn is_executable(fd: Fd) -> bool {
    const X_OK: usize = 1;
    const AT_EACCESS: usize = 0x200;
    const AT_EMPTY_PATH: usize = 0x1000;
    let args = [fd.index(), c"".as_ptr() as usize, X_OK, AT_EACCESS | AT_EMPTY_PATH, 0, 0];
    is_regular(fd)
        // SAFETY: a constant, terminated path.
        && unsafe { syscall6(nr::FACCESSAT2, args) }.is_ok()
}

/// Whether it is a regular file: to write to it waits for nobody.
pub fn is_regular(fd: Fd) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| FileType::from_raw_mode(stat.st_mode) == FileType::RegularFile)
}

/// Whether who executes an open file may get other ids than its caller by it: then nothing is
/// preloaded from a path (`AT_SECURE`).
pub fn may_set_ids(fd: Fd) -> bool {
    const SET_IDS: u32 = 0o6000;
    rustix::fs::fstat(fd).is_ok_and(|stat| stat.st_mode & SET_IDS != 0)
}

/// Opens a regular file for reading.
///
/// # Errors
/// As `open(2)`.
pub fn open(dir: i32, path: *const c_char) -> Result<Fd> {
    open_with(dir, path, O_NONBLOCK | O_NOCTTY)
}

fn open_with(dir: i32, path: *const c_char, flags: usize) -> Result<Fd> {
    let args = [dir as usize, path as usize, flags | O_CLOEXEC, 0, 0, 0];
    // SAFETY: the kernel reads the path, and answers EFAULT where it cannot.
    let raw = unsafe { syscall6(nr::OPENAT, args) }?;
    Fd::new(raw as i32).ok_or(Errno::BADF)
}

/// Whether somebody has the file open for writing (`ETXTBSY`), as far as we may know:
/// the kernel tells the owner of a file, by refusing a read lease.
pub fn is_being_written(fd: Fd) -> bool {
    const F_SETSIG: usize = 10;
    const F_SETLEASE: usize = 1024;
    const F_RDLCK: usize = 0;
    const F_UNLCK: usize = 2;
    const SIGURG: usize = 23;
    // SAFETY: fcntl with integer arguments only.
    let control = |command, value| unsafe { syscall6(nr::FCNTL, [fd.index(), command, value, 0, 0, 0]) };
    // Who opens it for writing in this very instant has us told: by a signal that is
    // ignored by default.
    let refused = control(F_SETSIG, SIGURG).is_ok() && control(F_SETLEASE, F_RDLCK) == Err(Errno::AGAIN);
    let _ = control(F_SETLEASE, F_UNLCK);
    refused
}

/// Whether a path of the program's is the empty one.
pub fn is_empty(path: *const c_char) -> bool {
    let mut first = [1];
    own_memory(path as usize, &mut first) == 1 && first == [0]
}

/// Reads at an offset; `None` on any error.
pub fn read_at(fd: Fd, room: &mut [u8], offset: u64) -> Option<usize> {
    rustix::io::pread(fd, room, offset).ok()
}

/// Reads this process' memory at an address that may be bad; answers how many bytes
/// could be read.
pub fn own_memory(at: usize, room: &mut [u8]) -> usize {
    let Some(me) = process::pid() else { return 0 };
    let me = me.as_raw_nonzero().get() as usize;
    let (there, here) = ([at, room.len()], [room.as_mut_ptr() as usize, room.len()]);
    let args = [me, here.as_ptr() as usize, 1, there.as_ptr() as usize, 1, 0];
    // SAFETY: two `iovec`s; the kernel writes at most `room.len()` bytes into `room`.
    unsafe { syscall6(nr::PROCESS_VM_READV, args) }.unwrap_or(0)
}

/// Whether there is memory at `at`, a few pages at most, that can be read.
pub fn is_readable(at: usize, len: usize) -> bool {
    const PAGE: usize = 4096;
    (at..at.saturating_add(len)).step_by(PAGE).all(|page| own_memory(page, &mut [0]) == 1)
}

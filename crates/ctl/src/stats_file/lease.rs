//! Whether any process uses a stats file. The kernel knows.
//!
//! A program has opened its stats file for writing, and keeps it mapped. As long as a mapping is left
//! in any process, the kernel counts the file as open for writing, and refuses a read lease of it
//! (`F_SETLEASE` in fcntl(2); `check_conflicting_open` in fs/locks.c). That holds for processes which
//! softclosectl may not look at, for other pid namespaces, and for a child that was forked a moment
//! ago. A look at all processes, one after the other, can miss one.
//!
//! The lease is given back at once. A process that opens the file for writing meanwhile waits for
//! that, and this process gets a signal: SIGURG, as it does nothing by default.
//!
//! Only the owner of a file may ask. Root asks as the owner: it may lack `CAP_LEASE`, as in most
//! containers.
//!
//! The kernel's answer is believed on a tmpfs only, where softclose makes its files. On an overlay a
//! mapping keeps another file open than the one that is asked about.
//!
//! # Safety
//! The calls take numbers only.
#![allow(unsafe_code)]

use rustix::fs::fstatfs;
use std::fs::File;
use std::os::fd::AsRawFd;

/// Whether no process uses the file of this owner. `None` where the kernel does not tell.
pub fn is_unused(file: &File, owner: u32) -> Option<bool> {
    const TMPFS_MAGIC: i64 = 0x0102_1994;
    if fstatfs(file).ok()?.f_type != TMPFS_MAGIC {
        return None;
    }
    let own = rustix::process::geteuid().as_raw();
    act_as(owner);
    let leased = lease(file, libc::F_RDLCK);
    let _ = lease(file, libc::F_UNLCK);
    act_as(own);
    match leased {
        Ok(()) => Some(true),
        Err(libc::EAGAIN) => Some(false),
        Err(_) => None,
    }
}

fn lease(file: &File, kind: i32) -> Result<(), i32> {
    /// From asm-generic/fcntl.h; the crate libc does not have it.
    const F_SETSIG: i32 = 10;
    let fd = file.as_raw_fd();
    // SAFETY: two numbers are passed; the descriptor is open.
    let answers = unsafe { [libc::fcntl(fd, F_SETSIG, libc::SIGURG), libc::fcntl(fd, libc::F_SETLEASE, kind)] };
    let error = || std::io::Error::last_os_error().raw_os_error().unwrap_or(0);
    if answers == [0, 0] { Ok(()) } else { Err(error()) }
}

/// Uses files as this user, where this process may do so. Of this thread only.
fn act_as(user: u32) {
    // SAFETY: a number is passed. It fails by changing nothing.
    unsafe { libc::setfsuid(user) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::chown;

    /// A file on a tmpfs, with a second number that is open for writing.
    fn file() -> Option<(tempfile::NamedTempFile, File)> {
        let file = tempfile::NamedTempFile::new_in("/dev/shm").ok()?;
        let again = File::open(file.path()).ok()?;
        Some((file, again))
    }

    #[test]
    fn a_file_is_used_as_long_as_it_is_open_for_writing() {
        let Some((file, again)) = file() else { return };
        let own = rustix::process::geteuid().as_raw();
        let Some(answer) = is_unused(&again, own) else { return };
        assert!(!answer);
        let path = file.into_temp_path();
        assert_eq!(is_unused(&again, own), Some(true));
        // It was given back: another can open it for writing at once.
        drop(File::options().write(true).open(&path).unwrap());
        assert_eq!(is_unused(&again, own), Some(true));
    }

    #[test]
    fn root_asks_about_files_of_others() {
        let Some((file, again)) = file() else { return };
        let path = file.into_temp_path();
        if chown(&path, Some(65534), None).is_err() {
            return;
        }
        assert_eq!(is_unused(&again, 65534), Some(true));
        assert!(fs::metadata(&path).is_ok());
    }

    #[test]
    fn elsewhere_than_on_a_tmpfs_the_kernel_is_not_asked() {
        let file = File::open("/proc/self/stat").unwrap();
        assert_eq!(is_unused(&file, 0), None);
    }
}

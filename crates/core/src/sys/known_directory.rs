//! A directory that is known by its device and inode, not only by its path: after `chroot` or a
//! new mount another directory may have the path.
//!
//! Context: [`KnownDirectory::at`] the constructor; else async-signal-safe.

use super::Fd;
use rustix::fs::{CWD, Mode, OFlags, fstat, openat, stat};
use rustix::io::{Errno, Result};
use std::ffi::{CStr, CString};

/// A directory as it was found.
pub struct KnownDirectory {
    path: CString,
    device: u64,
    inode: u64,
}

impl KnownDirectory {
    /// The directory at `path`, an absolute one; `None` where there is none. In the
    /// constructor: it allocates.
    pub fn at(path: CString) -> Option<Self> {
        let found = stat(&*path).ok()?;
        Some(Self { path, device: found.st_dev, inode: found.st_ino })
    }

    /// A descriptor (`O_PATH`) of the file `name` in it, to execute it by.
    ///
    /// # Errors
    /// `ENOENT` where the path leads to another directory by now, and those of `openat(2)`.
    pub fn open(&self, name: &CStr) -> Result<Fd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let directory = Fd::adopt(openat(CWD, &*self.path, flags | OFlags::DIRECTORY, Mode::empty())?);
        let found = fstat(directory)?;
        if (found.st_dev, found.st_ino) != (self.device, self.inode) {
            return Err(Errno::NOENT);
        }
        openat(directory, name, flags, Mode::empty()).map(Fd::adopt)
    }
}

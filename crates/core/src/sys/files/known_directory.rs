//! A directory that is known by its device and inode, and not only by its path: after `chroot` or
//! a mount, another directory may have the same path.
//!
//! Context: async-signal-safe.

use crate::sys::fd::Fd;
use core::ffi::CStr;
use rustix::fs::{CWD, Mode, OFlags, fstat, openat, stat};
use rustix::io::{Errno, Result};

/// A directory, with the device and inode that it had when it was found.
pub struct KnownDirectory {
    path: &'static CStr,
    device: u64,
    inode: u64,
}

impl KnownDirectory {
    /// Finds the directory at `path`, which must be absolute. `None` where there is none.
    pub fn at(path: &'static CStr) -> Option<Self> {
        let found = stat(path).ok()?;
        Some(Self { path, device: found.st_dev, inode: found.st_ino })
    }

    /// Opens the file `name` in the directory, to execute it (`O_PATH`). The descriptor of the
    /// directory itself stays open: only a child that is about to execute may call this.
    ///
    /// # Errors
    /// `ENOENT`: the path leads to another directory by now. Others as `openat(2)`.
    pub fn open(&self, name: &CStr) -> Result<Fd> {
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let directory = Fd::adopt(openat(CWD, self.path, flags | OFlags::DIRECTORY, Mode::empty())?);
        let found = fstat(directory)?;
        if (found.st_dev, found.st_ino) != (self.device, self.inode) {
            return Err(Errno::NOENT);
        }
        openat(directory, name, flags, Mode::empty()).map(Fd::adopt)
    }
}

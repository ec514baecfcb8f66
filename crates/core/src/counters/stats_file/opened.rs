//! A descriptor whose file was looked at when it was opened, and is looked at again before it is
//! closed.
//!
//! Context: any hook, on the program's own threads; async-signal-safe.

use super::MOST_FILES;
use crate::sys::Fd;
use rustix::fs::{FileType, Stat as Status, fstat, fstatfs};

/// A descriptor, with what `fstat` said of its file when it was opened.
#[derive(Clone, Copy)]
pub struct Opened {
    /// The descriptor.
    pub fd: Fd,
    /// What `fstat` said.
    pub status: Status,
}

impl Opened {
    /// Looks at the file. Where that fails, the descriptor is closed.
    pub fn of(fd: Fd) -> Option<Self> {
        let status = fstat(fd);
        if status.is_err() {
            fd.close();
        }
        Some(Self { fd, status: status.ok()? })
    }

    /// Whether the descriptor still is the same file. Another thread of the program may have closed
    /// all descriptors, and have opened another file under this number.
    pub fn is_still_it(self) -> bool {
        fstat(self.fd).is_ok_and(|now| (now.st_dev, now.st_ino) == (self.status.st_dev, self.status.st_ino))
    }

    /// Closes the descriptor, if it still is the same file.
    pub fn close(self) {
        if self.is_still_it() {
            self.fd.close();
        }
    }

    /// Whether it is a directory on a tmpfs that belongs to one of `owners`, and in which no other user
    /// can remove or replace a file of theirs: only the owner may write to it, or it is sticky.
    pub fn is_safe(self, owners: &[u32]) -> bool {
        const GROUP_OR_OTHERS: u32 = 0o022;
        const STICKY: u32 = 0o1000;
        let Status { st_mode: mode, st_uid: owner, .. } = self.status;
        let is_closed = mode & GROUP_OR_OTHERS == 0 || mode & STICKY != 0;
        FileType::from_raw_mode(mode) == FileType::Directory && is_closed && owners.contains(&owner) && self.is_memory()
    }

    /// Whether it is safe, and no user but `owner` can look into it.
    pub fn is_private(self, owner: u32) -> bool {
        self.status.st_mode & 0o077 == 0 && self.is_safe(&[owner])
    }

    /// Whether the directory has so many files that stats files of killed processes must be among
    /// them. A program that crashes again and again must not fill the memory. Source:
    /// `shmem_mknod`, which counts 20 bytes for each entry of a tmpfs.
    pub fn is_crowded(self) -> bool {
        const ENTRY: i64 = 20;
        self.status.st_size > MOST_FILES as i64 * ENTRY
    }

    fn is_memory(self) -> bool {
        const TMPFS_MAGIC: i64 = 0x0102_1994;
        fstatfs(self.fd).is_ok_and(|stat| stat.f_type == TMPFS_MAGIC)
    }

    /// Itself, if `is_good`. Otherwise it is closed.
    pub fn only(self, is_good: bool) -> Option<Self> {
        if !is_good {
            self.close();
        }
        is_good.then_some(self)
    }
}

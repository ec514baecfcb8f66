//! Where the stats file of a process is.
//!
//! Context: any hook; async-signal-safe.

use super::directory::{DIRECTORIES, Directory};
use crate::counters::page::Text;
use crate::sys::process;
use core::ffi::CStr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

/// Where the stats file of this process is. It is kept in memory of our own: what the page itself
/// says cannot be trusted.
pub struct FileLocation {
    /// The pid of the process that made the file; 0 where there is no file.
    creator: AtomicU32,
    /// A [`Directory`].
    directory: AtomicU32,
    inode: AtomicU64,
    name: Text<48>,
}

impl FileLocation {
    /// The location of no file.
    pub const fn new() -> Self {
        Self { creator: AtomicU32::new(0), directory: AtomicU32::new(0), inode: AtomicU64::new(0), name: Text::new() }
    }

    /// Whether this process has made the file, or the process that has made it is gone.
    pub(super) fn creator_is_here_or_gone(&self) -> bool {
        let creator = Pid::from_raw((self.creator.load(Relaxed) as i32).max(0));
        creator.is_none_or(|creator| process::pid() == Some(creator) || test_kill_process(creator) == Err(Errno::SRCH))
    }

    /// Stores where the file is.
    pub(super) fn set(&self, creator: u32, directory: Directory, name: &CStr, inode: u64) {
        self.creator.store(creator, Relaxed);
        self.directory.store(directory as u32, Relaxed);
        self.inode.store(inode, Relaxed);
        self.name.set(name.to_str().unwrap_or_default());
    }

    /// The directory that the file is in.
    pub(super) fn directory(&self) -> Option<Directory> {
        DIRECTORIES.into_iter().find(|&directory| directory as u32 == self.directory.load(Relaxed))
    }

    /// The inode of the file.
    pub(super) fn inode(&self) -> u64 {
        self.inode.load(Relaxed)
    }

    /// Calls `body` with the name of the file in its directory.
    pub(super) fn with_name(&self, body: impl FnOnce(&CStr)) {
        let mut buffer = [0; 48];
        self.name.get(&mut buffer);
        if let Ok(name) = CStr::from_bytes_until_nul(&buffer) {
            body(name);
        }
    }
}

//! The directories that a stats file may be in, and which of them are safe.
//!
//! A directory is safe if it belongs to this user (or to root, where the settings name it), if no
//! other user can put a file there or remove one (or it is sticky), and if it is a tmpfs: a store to
//! a page of a file on a disk may have to wait for the disk. It is opened without following a
//! link, and judged by `fstat`; every later step is relative to its descriptor.
//!
//! The directory of root is closed to all others. A worker that has given up root still has the page
//! mapped, and can free its memory (`MADV_REMOVE`). If it could fill the file system then, the next
//! store of its parent would raise `SIGBUS`.
//!
//! Context: any hook, on the program's own threads; async-signal-safe.

use super::identity::Identity;
use super::opened::Opened;
use crate::sys::Fd;
use crate::sys::procfs::Path;
use core::ffi::CStr;
use rustix::fs::{CWD, Mode, OFlags, mkdirat, openat};
use rustix::path::DecInt;

/// A directory that a stats file may be in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Directory {
    /// The directory that the settings name.
    Given = 0,
    /// `/run/softclose`, for root.
    Run = 1,
    /// `/dev/softclose`, for root where `/run` is no tmpfs, as in containers.
    Dev = 2,
    /// `/dev/shm/softclose-UID`, for other users.
    Shm = 3,
}

/// All of them, in the order in which they are tried.
pub const DIRECTORIES: [Directory; 4] = [Directory::Given, Directory::Run, Directory::Dev, Directory::Shm];

/// The directories to try: the one that the settings name, or else all others.
pub fn candidates(identity: &Identity) -> impl Iterator<Item = Directory> {
    let is_given = identity.directory.is_some();
    DIRECTORIES.into_iter().filter(move |&directory| (directory == Directory::Given) == is_given)
}

impl Directory {
    /// Opens the directory, and makes it where it is missing, for a user with this id. `None` where it
    /// is not for this user, not safe, or cannot be opened.
    pub fn open(self, identity: &Identity, user: u32) -> Option<Opened> {
        match self {
            Self::Given => {
                let given = directory(CWD, identity.directory.as_deref()?)?;
                given.only(given.is_safe(&[0, user]))
            }
            Self::Run if user == 0 => below(c"/run", c"softclose", user),
            Self::Dev if user == 0 => below(c"/dev", c"softclose", user),
            Self::Shm if user != 0 => {
                let name = Path::join(c"softclose-", DecInt::new(user).as_c_str());
                below(c"/dev/shm", name.as_c_str(), user)
            }
            Self::Run | Self::Dev | Self::Shm => None,
        }
    }
}

/// Opens or makes a private directory in a safe one that belongs to root.
fn below(parent: &CStr, name: &CStr, user: u32) -> Option<Opened> {
    let parent = directory(CWD, parent)?;
    let parent = parent.only(parent.is_safe(&[0]))?;
    let made = directory(parent.fd, name).or_else(|| {
        let _ = mkdirat(parent.fd, name, Mode::from_raw_mode(0o700));
        directory(parent.fd, name)
    });
    parent.close();
    made.and_then(|made| made.only(made.is_private(user)))
}

/// Opens a directory without following a link.
fn directory(at: impl rustix::fd::AsFd, path: &CStr) -> Option<Opened> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Opened::of(Fd::adopt(openat(at, path, flags, Mode::empty()).ok()?))
}

//! One file with counters: opened, read and removed without trusting who made it.
//!
//! Another user may have put anything where we look: a link, a FIFO, a huge file. So it
//! is opened without following a link and without waiting, it must be a regular file, and
//! no more of it is read than a page has.

use crate::printable;
use anyhow::{Context, Result, bail, ensure};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::fs::{major, minor, openat, statat, unlinkat, utimensat};
use softclose_core::counters::page::{Reading, SIZE, Unreadable};
use softclose_core::counters::stats_file::SUFFIX;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What a file is known by: device, as procfs writes it, and inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PageId {
    /// Major and minor number.
    pub device: (u32, u32),
    /// Inode number.
    pub inode: u64,
}

/// A file that was read.
#[derive(Clone, Debug)]
pub struct PageFile {
    /// Where it is, as we see it.
    pub path: PathBuf,
    /// Which it is.
    pub id: PageId,
    /// Whose it is.
    pub user: u32,
    /// Last time that it was written, or marked by [`PageFile::mark`].
    pub changed: SystemTime,
    /// What it says.
    pub content: Result<Reading, Unreadable>,
}

impl PageFile {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Self::of(openat(CWD, path, flags, Mode::empty())?.into(), path)
    }

    /// Reads a file by one of the links of procfs, which are no ordinary ones.
    pub fn read_through(link: &Path, shown_as: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Self::of(openat(CWD, link, flags, Mode::empty())?.into(), shown_as)
    }

    fn of(file: File, path: &Path) -> Result<Self> {
        let data = file.metadata()?;
        ensure!(data.is_file(), "{}: not a regular file", printable::path(path));
        let mut bytes = Vec::with_capacity(SIZE);
        file.take(SIZE as u64).read_to_end(&mut bytes)?;
        Ok(Self {
            path: path.to_owned(),
            id: PageId { device: (major(data.dev()), minor(data.dev())), inode: data.ino() },
            user: data.uid(),
            changed: data.modified()?,
            content: Reading::of(&bytes),
        })
    }

    /// Time since the file was written or marked.
    pub fn age(&self) -> Duration {
        SystemTime::now().duration_since(self.changed).unwrap_or_default()
    }

    /// Whether [`PageFile::mark`] was called on it: a page is not written after it was made.
    pub fn is_marked(&self) -> bool {
        const SLACK: Duration = Duration::from_secs(2);
        let made = self.content.as_ref().map_or(0, |reading| reading.created);
        // Whoever wrote the page may have put any number there.
        let made = UNIX_EPOCH.checked_add(Duration::from_secs(made)).and_then(|made| made.checked_add(SLACK));
        made.is_some_and(|made| self.changed > made)
    }

    /// Leaves a note of when it was first found that nobody uses it: the time of the file.
    pub fn mark(&self) -> Result<()> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH)?;
        let now = Timespec { tv_sec: now.as_secs().try_into()?, tv_nsec: now.subsec_nanos().into() };
        let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
        let times = Timestamps { last_access: omit, last_modification: now };
        Ok(utimensat(CWD, &self.path, &times, AtFlags::SYMLINK_NOFOLLOW)?)
    }

    /// Removes the file, if it is still the same.
    pub fn remove(&self) -> Result<()> {
        let (directory, name) = self.path.parent().zip(self.path.file_name()).context("a path without a name")?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let directory = openat(CWD, directory, flags, Mode::empty())?;
        let found = statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW)?;
        if found.st_ino != self.id.inode {
            bail!("{}: another file by now", printable::path(&self.path));
        }
        Ok(unlinkat(&directory, name, AtFlags::empty())?)
    }
}

/// Whether a path is that of a page.
pub fn is_page(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.ends_with(SUFFIX))
}

/// The pages in a directory; none where it is not ours to look at.
pub fn in_directory(directory: &Path) -> Vec<PageFile> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if openat(CWD, directory, flags, Mode::empty()).is_err() {
        return Vec::new();
    }
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| is_page(path))
        .filter_map(|path| PageFile::read(&path).ok())
        .collect()
}

/// The directories that softclose uses by itself.
pub fn usual_directories() -> Vec<PathBuf> {
    let shared = std::fs::read_dir("/dev/shm").into_iter().flatten().flatten();
    let users = shared.map(|entry| entry.path()).filter(|path| is_of_a_user(path));
    ["/run/softclose", "/dev/softclose"].map(PathBuf::from).into_iter().chain(users).collect()
}

fn is_of_a_user(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name.strip_prefix("softclose-").is_some_and(|user| user.parse::<u32>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Any user may write such a page, and root reads it: the sum was beyond what a time can be.
    #[test]
    fn a_page_that_says_it_was_made_at_the_end_of_time_is_not_marked() {
        let made_at = |created| PageFile {
            path: PathBuf::new(),
            id: PageId { device: (0, 0), inode: 0 },
            user: 0,
            changed: UNIX_EPOCH + Duration::from_secs(100),
            content: Ok(Reading {
                version: String::new(),
                creator: 0,
                started: 0,
                created,
                namespace: 0,
                program: String::new(),
                settings: Vec::new(),
                values: Vec::new(),
                held: Vec::new(),
            }),
        };
        assert!([i64::MAX as u64, i64::MAX as u64 - 1, u64::MAX, 99].iter().all(|&at| !made_at(at).is_marked()));
        assert!(made_at(90).is_marked());
    }
}

//! One stats file: opened, read and removed without trusting its owner.
//!
//! Another user may have put anything into a directory that is searched: a link, a FIFO, a huge
//! file. So a file is opened without following a link and without waiting, it must be a regular
//! file, and no more is read than a stats file has.

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

/// The identity of a file: its device, as procfs writes it, and its inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FileId {
    /// Major and minor number.
    pub device: (u32, u32),
    /// Inode number.
    pub inode: u64,
}

/// A stats file that was read.
#[derive(Clone, Debug)]
pub struct StatsFile {
    /// Its path, as softclosectl sees it.
    pub path: PathBuf,
    /// Its identity.
    pub id: FileId,
    /// Its owner.
    pub user: u32,
    /// The last time that it was written, or marked by [`StatsFile::mark`].
    pub changed: SystemTime,
    /// Its content, or why that is not valid.
    pub content: Result<Reading, Unreadable>,
}

impl StatsFile {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Self::of(openat(CWD, path, flags, Mode::empty())?.into(), path)
    }

    /// Reads a file through one of the links in procfs, which must be followed. `shown_as` is the
    /// path for messages.
    pub fn read_through(link: &Path, shown_as: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Self::of(openat(CWD, link, flags, Mode::empty())?.into(), shown_as)
    }

    fn of(file: File, path: &Path) -> Result<Self> {
        let data = file.metadata()?;
        ensure!(data.is_file(), "{}: this is not a regular file", printable::path(path));
        let mut bytes = Vec::with_capacity(SIZE);
        file.take(SIZE as u64).read_to_end(&mut bytes)?;
        Ok(Self {
            path: path.to_owned(),
            id: FileId { device: (major(data.dev()), minor(data.dev())), inode: data.ino() },
            user: data.uid(),
            changed: data.modified()?,
            content: Reading::of(&bytes),
        })
    }

    /// The time since the file was written or marked.
    pub fn age(&self) -> Duration {
        SystemTime::now().duration_since(self.changed).unwrap_or_default()
    }

    /// Whether [`StatsFile::mark`] was called on it. A program writes to the file through a mapping,
    /// which does not change the time of the file: so only a mark makes it later than the file was
    /// made.
    pub fn is_marked(&self) -> bool {
        const SLACK: Duration = Duration::from_secs(2);
        let made = self.content.as_ref().map_or(0, |reading| reading.created);
        // The owner of the file may have written any number there.
        let made = UNIX_EPOCH.checked_add(Duration::from_secs(made)).and_then(|made| made.checked_add(SLACK));
        made.is_some_and(|made| self.changed > made)
    }

    /// Sets the time of the file to now: it is the time at which the file was first found without a
    /// program.
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
            bail!("{}: another file has taken its place", printable::path(&self.path));
        }
        Ok(unlinkat(&directory, name, AtFlags::empty())?)
    }
}

/// Whether a path has the name of a stats file.
pub fn is_stats_file(path: &Path) -> bool {
    path.to_str().is_some_and(|path| path.ends_with(SUFFIX))
}

/// The stats files in a directory; none where this user may not look into it.
pub fn in_directory(directory: &Path) -> Vec<StatsFile> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    if openat(CWD, directory, flags, Mode::empty()).is_err() {
        return Vec::new();
    }
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries
        .map(|entry| entry.path())
        .filter(|path| is_stats_file(path))
        .filter_map(|path| StatsFile::read(&path).ok())
        .collect()
}

/// The directories that softclose uses without `SOFTCLOSE_STATS_DIR`.
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

    /// Any user may write such a file, and root reads it. The sum was larger than a time can be.
    #[test]
    fn a_file_that_says_it_was_made_at_the_end_of_time_is_not_marked() {
        let made_at = |created| StatsFile {
            path: PathBuf::new(),
            id: FileId { device: (0, 0), inode: 0 },
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

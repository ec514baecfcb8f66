//! One stats file: opened, read and removed without trusting its owner.
//!
//! | file | one idea |
//! |---|---|
//! | [`directory`] | in which directories files are looked for |
//! | `lease` | whether any process uses a file |
//!
//! Another user may have put anything into a directory that is searched: a link, a FIFO, a huge
//! file. So a file is opened without following a link and without waiting, it must be a regular
//! file, and no more is read than a stats file has. Before a file is marked or removed, it is opened
//! once more, and must be the same and unused.

pub mod directory;
mod lease;

use anyhow::{Context, Result, ensure};
use directory::open;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT};
use rustix::fs::{futimens, major, minor, openat, unlinkat};
use rustix::io::Errno;
use softclose_core::counters::page::{Reading, SIZE, Unreadable};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
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
    /// Whether others than its owner may write to it. softclose makes none of that kind.
    pub is_open_to_others: bool,
    /// The last time that it was written, or marked by [`StatsFile::mark`].
    pub changed: SystemTime,
    /// Whether no process uses it. `None` where the kernel does not tell.
    pub is_unused: Option<bool>,
    /// Its content, or why that is not valid.
    pub content: Result<Reading, Unreadable>,
}

/// What became of a file that was to be removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// It is removed.
    Removed,
    /// Somebody else has removed it, or put another file in its place.
    Gone,
    /// A process uses it, or the kernel does not tell.
    Used,
}

impl StatsFile {
    /// Reads the file at `path`.
    pub fn read(path: &Path) -> Result<Self> {
        Self::of(File::from(opened(CWD, path.as_os_str())?), path)
    }

    /// Reads the file of this name in a directory that is open. `path` is that of the directory.
    pub fn read_at(directory: &OwnedFd, path: &Path, name: &OsStr) -> Result<Self> {
        Self::of(File::from(opened(directory, name)?), &path.join(name))
    }

    /// Reads a file through one of the links in procfs, which must be followed. `shown_as` is the
    /// path for messages.
    pub fn read_through(link: &Path, shown_as: &Path) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        Self::of(openat(CWD, link, flags, Mode::empty())?.into(), shown_as)
    }

    fn of(mut file: File, path: &Path) -> Result<Self> {
        let data = file.metadata()?;
        ensure!(data.is_file(), "this is not a regular file");
        let mut bytes = Vec::with_capacity(SIZE);
        file.by_ref().take(SIZE as u64).read_to_end(&mut bytes)?;
        Ok(Self {
            path: path.to_owned(),
            id: id(&data),
            user: data.uid(),
            is_open_to_others: data.mode() & 0o022 != 0,
            changed: data.modified()?,
            is_unused: lease::is_unused(&file, data.uid()),
            content: Reading::of(&bytes),
        })
    }

    /// The time since the file was written or marked. Its owner can set any time: one to come does not
    /// keep the file young for ever.
    pub fn age(&self) -> Duration {
        SystemTime::now().duration_since(self.changed).unwrap_or(Duration::MAX)
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
        if let Some((_, file)) = self.again()? {
            futimens(&file, &times)?;
        }
        Ok(())
    }

    /// Removes the file, if it is still the same and no process uses it.
    pub fn remove(&self) -> Result<Removal> {
        let Some((directory, file)) = self.again()? else { return Ok(Removal::Gone) };
        if lease::is_unused(&file, self.user) != Some(true) {
            return Ok(Removal::Used);
        }
        match unlinkat(&directory, self.path.file_name().unwrap_or_default(), AtFlags::empty()) {
            Err(Errno::NOENT) => Ok(Removal::Gone),
            removed => Ok(removed.map(|()| Removal::Removed)?),
        }
    }

    /// Its directory and itself, opened once more. `None` where another file has its name, or none.
    fn again(&self) -> Result<Option<(OwnedFd, File)>> {
        let (directory, name) = self.path.parent().zip(self.path.file_name()).context("a path without a name")?;
        let opened = open(directory).and_then(|directory| opened(&directory, name).map(|file| (directory, file)));
        let (directory, file) = match opened {
            Err(Errno::NOENT) => return Ok(None),
            opened => opened?,
        };
        let file = File::from(file);
        Ok((id(&file.metadata()?) == self.id).then_some((directory, file)))
    }
}

fn opened(directory: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    openat(directory, name, flags, Mode::empty())
}

fn id(data: &std::fs::Metadata) -> FileId {
    FileId { device: (major(data.dev()), minor(data.dev())), inode: data.ino() }
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
            is_open_to_others: false,
            changed: UNIX_EPOCH + Duration::from_secs(100),
            is_unused: None,
            content: Ok(Reading { created, ..Reading::default() }),
        };
        assert!([i64::MAX as u64, i64::MAX as u64 - 1, u64::MAX, 99].iter().all(|&at| !made_at(at).is_marked()));
        assert!(made_at(90).is_marked());
    }

    /// The second of two who cleaned up at once failed.
    #[test]
    fn a_file_is_removed_once_and_only_if_it_is_the_same_and_unused() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let path = directory.path().join("1-1-0.softclose");
        let writer = File::create(&path).unwrap();
        let file = StatsFile::read(&path).unwrap();
        if file.is_unused.is_none() {
            return;
        }
        assert_eq!(file.remove().unwrap(), Removal::Used);
        drop(writer);
        let another = directory.path().join("another");
        std::fs::write(&another, "").unwrap();
        std::fs::rename(&another, &path).unwrap();
        assert_eq!(file.remove().unwrap(), Removal::Gone);
        let file = StatsFile::read(&path).unwrap();
        assert_eq!((file.remove().unwrap(), file.remove().unwrap()), (Removal::Removed, Removal::Gone));
        file.mark().unwrap();
    }
}

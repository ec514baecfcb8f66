//! The directories in which stats files are looked for.
//!
//! Any user can make a directory with our name in `/dev/shm`. So one of the usual directories is read
//! only if softclose itself would use it: it belongs to the right user, is closed to all others, is no
//! link, and lies on a tmpfs. One that is there and is not so keeps programs from publishing their
//! counters, and is reported.

use super::StatsFile;
use crate::printable;
use rustix::fs::{CWD, Dir, Mode, OFlags, fstat, fstatfs, openat};
use rustix::io::Errno;
use softclose_core::counters::stats_file::{MOST_FILES, SUFFIX};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// How many files are read in all directories together. A user may have thousands of user ids
/// (`/etc/subuid`), each with a directory. A program that runs is found without its directory.
const MOST_IN_ALL: usize = 16 * MOST_FILES;

/// What was found in a directory, or in several.
#[derive(Clone, Debug, Default)]
pub struct Listing {
    /// The stats files.
    pub files: Vec<StatsFile>,
    /// What an operator should know: a line for each directory that is not used, or not read to its
    /// end.
    pub notices: Vec<String>,
}

impl Listing {
    /// Adds the stats files in a directory that the operator has named; none where this user may not
    /// look into it.
    pub fn add_named(&mut self, path: &Path) {
        if let Ok(directory) = open(path) {
            self.add(path, &directory, None);
        }
    }

    /// Adds the stats files in the directories that softclose uses without `SOFTCLOSE_STATS_DIR`.
    pub fn add_usual(&mut self) {
        for path in ["/run/softclose", "/dev/softclose"] {
            self.add_usual_of(Path::new(path), 0);
        }
        for entry in std::fs::read_dir("/dev/shm").into_iter().flatten().flatten() {
            if let Some(user) = user_of(&entry.file_name()) {
                self.add_usual_of(&entry.path(), user);
            }
        }
    }

    fn add_usual_of(&mut self, path: &Path, user: u32) {
        match open_private(path, user) {
            Ok(directory) => self.add(path, &directory, Some(user)),
            Err(Some(why)) => {
                let path = printable::path(path);
                self.notice(format!("{path}: programs of user {user} publish no counters there: {why}"));
            }
            Err(None) => {}
        }
    }

    /// Adds a line. Another user can have many directories with our names.
    fn notice(&mut self, line: String) {
        if self.notices.len() < MOST_FILES {
            self.notices.push(line);
        }
    }

    /// Adds the stats files in a directory: those of `owner`, or all.
    fn add(&mut self, path: &Path, directory: &OwnedFd, owner: Option<u32>) {
        if self.files.len() >= MOST_IN_ALL {
            return self
                .notice(format!("{}: {MOST_IN_ALL} files are enough: it was not looked at", printable::path(path)));
        }
        let Ok(entries) = Dir::read_from(directory) else { return };
        let names = entries.flatten().map(|entry| entry.file_name().to_bytes().to_vec());
        let mut names = names.filter(|name| !matches!(name.as_slice(), b"." | b".."));
        for name in names.by_ref().take(MOST_FILES).filter(|name| is_stats_file(name)) {
            let file = StatsFile::read_at(directory, path, OsStr::from_bytes(&name));
            self.files.extend(file.ok().filter(|file| owner.is_none_or(|owner| owner == file.user)));
        }
        if names.next().is_some() {
            let path = printable::path(path);
            self.notice(format!("{path}: only {MOST_FILES} of its files were looked at"));
        }
    }
}

/// Whether a file has the name of a stats file.
pub fn is_stats_file(name: &[u8]) -> bool {
    name.ends_with(SUFFIX.as_bytes())
}

/// The user for whom a directory in `/dev/shm` is, by its name as softclose writes it.
fn user_of(name: &OsStr) -> Option<u32> {
    let digits = name.to_str()?.strip_prefix("softclose-")?;
    digits.parse().ok().filter(|user: &u32| user.to_string() == digits)
}

/// Opens a directory, but not behind a link.
pub fn open(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    openat(CWD, path, flags, Mode::empty())
}

/// Opens a directory of a user, or says why softclose does not use it. `Err(None)` where there is none,
/// or this user may not look into it.
fn open_private(path: &Path, user: u32) -> Result<OwnedFd, Option<String>> {
    const TMPFS_MAGIC: i64 = 0x0102_1994;
    let found = rustix::fs::lstat(path).map_err(|_| None)?;
    let refuse = |why: String| Err(Some(why));
    match (found.st_mode & libc::S_IFMT, found.st_mode & 0o7777) {
        (libc::S_IFDIR, _) if found.st_uid != user => return refuse(format!("it belongs to user {}", found.st_uid)),
        (libc::S_IFDIR, mode) if mode & 0o077 != 0 => return refuse(format!("its mode is {mode:04o}, not 0700")),
        (libc::S_IFDIR, _) => {}
        _ => return refuse("it is no directory".to_owned()),
    }
    let directory = open(path).map_err(|_| None)?;
    match (fstat(&directory), fstatfs(&directory)) {
        (Ok(opened), _) if (opened.st_dev, opened.st_ino) != (found.st_dev, found.st_ino) => Err(None),
        (Ok(_), Ok(system)) if system.f_type != TMPFS_MAGIC => refuse("it is not on a tmpfs".to_owned()),
        (Ok(_), Ok(_)) => Ok(directory),
        _ => Err(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_directory_in_shm_names_its_user_as_softclose_writes_it() {
        let users =
            ["softclose-1000", "softclose-0", "softclose-01", "softclose-+1", "softclose-x", "softclose-test-1"];
        assert_eq!(users.map(|name| user_of(OsStr::new(name))), [Some(1000), Some(0), None, None, None, None]);
    }

    #[test]
    fn a_directory_that_softclose_would_not_use_is_named_with_the_reason() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        let own = rustix::process::geteuid().as_raw();
        let allow = |mode| std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(mode)).unwrap();
        allow(0o700);
        assert!(open_private(directory.path(), own).is_ok());
        let why = |path: &Path, user| open_private(path, user).unwrap_err();
        assert_eq!(why(directory.path(), own + 1), Some(format!("it belongs to user {own}")));
        assert_eq!(why(Path::new("/nonexistent"), own), None);
        let link = directory.path().join("link");
        std::os::unix::fs::symlink("/", &link).unwrap();
        assert_eq!(why(&link, own), Some("it is no directory".to_owned()));
        allow(0o755);
        assert_eq!(why(directory.path(), own), Some("its mode is 0755, not 0700".to_owned()));
    }

    /// Root read as many as another user had made.
    #[test]
    fn no_more_files_are_looked_at_than_softclose_makes() {
        let directory = tempfile::tempdir_in("/dev/shm").unwrap();
        for at in 0..MOST_FILES + 10 {
            std::fs::write(directory.path().join(format!("{at}.softclose")), "").unwrap();
        }
        let mut listing = Listing::default();
        listing.add_named(directory.path());
        assert_eq!((listing.files.len(), listing.notices.len()), (MOST_FILES, 1));
    }
}

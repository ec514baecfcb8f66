//! The file of a page: made where nobody else can have a hand in it, or not at all.
//!
//! A directory counts if it is ours (or root's, where it was named), nobody else may
//! write to it (or it is sticky), and it is memory: a store to a file on a disk may wait
//! for the disk. It is opened without following a link, looked at by `fstat`, and every
//! later step is relative to that descriptor. The file is a new one (`O_EXCL`), of mode
//! 0600, filled before it is mapped, and named after the process: pid and start time.
//!
//! Root's is where nobody else may write anything. A worker that has given up root still has
//! the page in its memory, and can take its memory away (`MADV_REMOVE`): if it could fill the
//! file system then, the next store of its master's would be a `SIGBUS`.
//!
//! Context: any hook, on the program's own thread; no allocation. As in [`crate::holders::judge`]
//! a descriptor lies on a low number for the length of a call: another thread of the
//! program could see it, the drainer's never calls this. Whatever fails, fails silently:
//! the counters stay where they are.

use super::page::{Page, SIZE, Text};
use crate::sys::procfs::{Dir, Path, Stat};
use crate::sys::{Fd, clock, fd, mapped, process};
use core::ffi::CStr;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat as Status};
use rustix::fs::{fstat, fstatfs, mkdirat, openat, statat, unlinkat};
use rustix::io::Errno;
use rustix::path::DecInt;
use rustix::process::{Pid, test_kill_process};
use std::ffi::CString;

/// What the page says of its process, put together by the constructor.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Whether there is to be a file at all.
    pub is_published: bool,
    /// The program, as it was called.
    pub program: String,
    /// The settings in force, one `NAME=value` a line.
    pub settings: String,
    /// Where the file is to be, if somewhere else.
    pub directory: Option<CString>,
}

/// Where a file may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Location {
    /// The directory that the settings name.
    Given = 0,
    /// `/run/softclose`, root's.
    Run = 1,
    /// `/dev/softclose`, root's: containers have no memory in `/run`.
    Dev = 2,
    /// `/dev/shm/softclose-UID`, others'.
    Shm = 3,
}

const LOCATIONS: [Location; 4] = [Location::Given, Location::Run, Location::Dev, Location::Shm];

/// Where the file of this process' page is: in memory of its own, see [`super::page`].
pub struct Whereabouts {
    /// Who has made it.
    founder: AtomicU32,
    location: AtomicU32,
    inode: AtomicU64,
    name: Text<48>,
}

impl Whereabouts {
    /// Of no file.
    pub const fn new() -> Self {
        Self { founder: AtomicU32::new(0), location: AtomicU32::new(0), inode: AtomicU64::new(0), name: Text::new() }
    }

    fn founder_is_here_or_gone(&self) -> bool {
        let founder = Pid::from_raw((self.founder.load(Relaxed) as i32).max(0));
        founder.is_none_or(|founder| process::pid() == Some(founder) || test_kill_process(founder) == Err(Errno::SRCH))
    }

    fn set(&self, founder: u32, location: Location, name: &CStr, inode: u64) {
        self.founder.store(founder, Relaxed);
        self.location.store(location as u32, Relaxed);
        self.inode.store(inode, Relaxed);
        self.name.set(name.to_str().unwrap_or_default());
    }
}

/// Most files in a directory.
const MOST: i64 = 4096;

/// What the names of files end with.
pub const SUFFIX: &str = ".softclose";

/// Makes a page and its file. Counters are zero, and it is not open yet.
#[inline(never)]
pub fn create(identity: &Identity, file: &Whereabouts) -> Option<&'static Page> {
    let is_possible = identity.is_published && fd::can_close() && process::file_size_limit()? >= SIZE as u64;
    let user = process::effective_user().filter(|_| is_possible)?;
    locations(identity).find_map(|location| create_in(location, identity, user, file))
}

/// Takes the file away again: of the last process that uses it, as the page says. While
/// its founder lives nobody else does, whatever is written there.
#[inline(never)]
pub fn remove(identity: &Identity, file: &Whereabouts) {
    if !file.founder_is_here_or_gone() {
        return;
    }
    let location = LOCATIONS.into_iter().find(|&location| location as u32 == file.location.load(Relaxed));
    let Some((location, user)) = location.zip(process::effective_user()) else { return };
    let Some(directory) = open(location, identity, user) else { return };
    let mut buffer = [0; 48];
    file.name.get(&mut buffer);
    if let Ok(name) = CStr::from_bytes_until_nul(&buffer) {
        let found = statat(directory.fd, name, AtFlags::SYMLINK_NOFOLLOW);
        if found.is_ok_and(|found| found.st_ino == file.inode.load(Relaxed)) {
            let _ = unlinkat(directory.fd, name, AtFlags::empty());
        }
    }
    directory.close();
}

fn locations(identity: &Identity) -> impl Iterator<Item = Location> {
    let is_given = identity.directory.is_some();
    LOCATIONS.into_iter().filter(move |&location| (location == Location::Given) == is_given)
}

/// A descriptor of which is known what it is.
#[derive(Clone, Copy)]
struct Opened {
    fd: Fd,
    status: Status,
}

impl Opened {
    /// What cannot be looked at is closed at once.
    fn of(fd: Fd) -> Option<Self> {
        let status = fstat(fd);
        if status.is_err() {
            fd.close();
        }
        Some(Self { fd, status: status.ok()? })
    }

    /// Another thread of the program may have closed all numbers, and this one be
    /// another file by now.
    fn is_still_it(self) -> bool {
        fstat(self.fd).is_ok_and(|now| (now.st_dev, now.st_ino) == (self.status.st_dev, self.status.st_ino))
    }

    fn close(self) {
        if self.is_still_it() {
            self.fd.close();
        }
    }

    /// Whether nobody but `owners` can put something here, or take something away.
    fn is_safe(self, owners: &[u32]) -> bool {
        const GROUP_OR_OTHERS: u32 = 0o022;
        const STICKY: u32 = 0o1000;
        let Status { st_mode: mode, st_uid: owner, .. } = self.status;
        let is_closed = mode & GROUP_OR_OTHERS == 0 || mode & STICKY != 0;
        FileType::from_raw_mode(mode) == FileType::Directory && is_closed && owners.contains(&owner) && self.is_memory()
    }

    /// Whether only `owner` can see what is here.
    fn is_private(self, owner: u32) -> bool {
        self.status.st_mode & 0o077 == 0 && self.is_safe(&[owner])
    }

    /// Whether there are so many files already that nobody can be cleaning up: a program
    /// that crashes again and again must not fill the memory. Source: `shmem_mknod`, by
    /// which each entry of a tmpfs counts as 20 bytes.
    fn is_crowded(self) -> bool {
        const ENTRY: i64 = 20;
        self.status.st_size > MOST * ENTRY
    }

    fn is_memory(self) -> bool {
        const TMPFS_MAGIC: i64 = 0x0102_1994;
        fstatfs(self.fd).is_ok_and(|stat| stat.f_type == TMPFS_MAGIC)
    }

    /// This, if `is_good`; else it is closed.
    fn only(self, is_good: bool) -> Option<Self> {
        if !is_good {
            self.close();
        }
        is_good.then_some(self)
    }
}

fn open(location: Location, identity: &Identity, user: u32) -> Option<Opened> {
    match location {
        Location::Given => {
            let given = directory(CWD, identity.directory.as_deref()?)?;
            given.only(given.is_safe(&[0, user]))
        }
        Location::Run if user == 0 => below(c"/run", c"softclose", user),
        Location::Dev if user == 0 => below(c"/dev", c"softclose", user),
        Location::Shm if user != 0 => {
            let name = Path::join(c"softclose-", DecInt::new(user).as_c_str());
            below(c"/dev/shm", name.as_c_str(), user)
        }
        Location::Run | Location::Dev | Location::Shm => None,
    }
}

/// A private directory in one of the system's.
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

fn directory(at: impl rustix::fd::AsFd, path: &CStr) -> Option<Opened> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    Opened::of(Fd::adopt(openat(at, path, flags, Mode::empty()).ok()?))
}

fn create_in(location: Location, identity: &Identity, user: u32, whereabouts: &Whereabouts) -> Option<&'static Page> {
    // A process may have been other programs before, whose pages are still in use.
    const IMAGES: u32 = 16;
    let directory = open(location, identity, user)?;
    let directory = directory.only(!directory.is_crowded())?;
    let (started, namespace) = origin();
    let pid = process::pid().map_or(0, |pid| pid.as_raw_nonzero().get() as u32);
    let made = (0..IMAGES).find_map(|image| attempt(directory.fd, name(pid, started, image)));
    directory.close();
    let Made { page, name, inode } = made??;
    whereabouts.set(pid, location, name.as_c_str(), inode);
    describe(page, identity);
    page.founder.store(pid, Relaxed);
    page.started.store(started, Relaxed);
    page.namespace.store(namespace, Relaxed);
    Some(page)
}

/// A page and its file.
struct Made {
    page: &'static Page,
    name: Path,
    inode: u64,
}

/// `None` where the name is taken; `Some(None)` where another one would not help.
fn attempt(directory: Fd, name: Path) -> Option<Option<Made>> {
    let file = match create_file(directory, name.as_c_str()) {
        Err(Errno::EXIST) => return None,
        Err(_) => return Some(None),
        Ok(file) => file,
    };
    let filled = fill(directory, name.as_c_str(), file);
    Some(filled.map(|page| Made { page, name, inode: file.status.st_ino }))
}

/// When this process was started, and the inode of its pid namespace; 0 where that is
/// not known.
#[inline(never)]
fn origin() -> (u64, u64) {
    let Ok(root) = Dir::root() else { return (0, 0) };
    let started = Stat::read(&root, c"self").map_or(0, |stat| stat.start);
    (started, root.inode_of(c"self/ns/pid").unwrap_or(0))
}

/// `PID-START-IMAGE.softclose`
fn name(pid: u32, started: u64, image: u32) -> Path {
    let parts = [DecInt::new(pid), DecInt::new(started), DecInt::new(image)];
    let [pid, started, image] = parts.each_ref().map(DecInt::as_c_str);
    let name = Path::join(Path::join(pid, c"-").as_c_str(), started);
    let name = Path::join(Path::join(name.as_c_str(), c"-").as_c_str(), image);
    Path::join(name.as_c_str(), c".softclose")
}

fn create_file(directory: Fd, name: &CStr) -> Result<Opened, Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(directory, name, flags, Mode::from_raw_mode(0o600))?;
    Opened::of(Fd::adopt(file)).ok_or(Errno::IO)
}

/// Zeroes are written, so that every page of the file is there: a hole that cannot be
/// filled when it is stored to is a `SIGBUS`.
fn fill(directory: Fd, name: &CStr, file: Opened) -> Option<&'static Page> {
    static ZEROES: [u8; SIZE] = [0; SIZE];
    let is_filled = file.is_still_it() && rustix::io::write(file.fd, &ZEROES) == Ok(SIZE);
    let page = if is_filled { mapped::map::<Page>(file.fd).ok() } else { None };
    file.close();
    if page.is_none() {
        let _ = unlinkat(directory, name, AtFlags::empty());
    }
    page
}

fn describe(page: &Page, identity: &Identity) {
    page.version.set(env!("CARGO_PKG_VERSION"));
    page.program.set(&identity.program);
    page.settings.set(&identity.settings);
    page.members.store(1, Relaxed);
    page.founded.store(clock::seconds_since_1970(), Relaxed);
}

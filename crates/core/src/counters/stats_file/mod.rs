//! The stats file: making it where no other user can interfere, and removing it.
//!
//! | file | one idea |
//! |---|---|
//! | [`identity`] | what a page says of its process |
//! | [`location`] | where the file of a process is |
//! | `directory` | which directories are safe |
//! | `opened` | a descriptor whose file was looked at |
//!
//! The file is a new one (`O_EXCL`) of mode 0600. It is named after the pid and the start time of the
//! process, and is filled before it is mapped. Where anything fails, there is no file and no message:
//! the counters stay in memory of our own.
//!
//! Context: any hook, on the program's own threads; async-signal-safe, no allocation. A descriptor is
//! open on a low number for the length of a call, as in [`crate::sys::procfs`]: another thread of
//! the program could see it. The drainer never calls this.

mod directory;
pub mod identity;
pub mod location;
mod opened;

pub use identity::Identity;
pub use location::FileLocation;

use super::page::{Page, SIZE};
use crate::settings::knobs::KNOBS;
use crate::sys::procfs::{Dir, Path, Stat};
use crate::sys::{Fd, clock, mapped, process, table};
use core::ffi::CStr;
use core::sync::atomic::Ordering::Relaxed;
use directory::Directory;
use opened::Opened;
use rustix::fs::{AtFlags, Mode, OFlags, openat, statat, unlinkat};
use rustix::io::Errno;
use rustix::path::DecInt;

/// The end of the name of every stats file.
pub const SUFFIX: &str = ".softclose";

/// How many files a directory may have. Where it has more, no stats file is made there, and a reader
/// looks at no more.
pub const MOST_FILES: usize = 4096;

/// Makes a stats file and maps it as a page, and stores in `file` where it is. The counters are zero,
/// and the page cannot be read yet (see [`Page::open`]). `None` where no file can be made.
#[inline(never)]
pub fn create(identity: &Identity, file: &FileLocation) -> Option<&'static Page> {
    let is_possible = identity.is_published && table::can_close() && process::file_size_limit()? >= SIZE as u64;
    let user = process::effective_user().filter(|_| is_possible)?;
    directory::candidates(identity).find_map(|directory| create_in(directory, identity, user, file))
}

/// Removes the stats file. To be called by the last process that uses the page, as the page says. If
/// another process has made the file and lives, it does nothing, whatever the page says.
#[inline(never)]
pub fn remove(identity: &Identity, file: &FileLocation) {
    if !file.creator_is_here_or_gone() {
        return;
    }
    let Some((directory, user)) = file.directory().zip(process::effective_user()) else { return };
    let Some(directory) = directory.open(identity, user) else { return };
    file.with_name(|name| {
        let found = statat(directory.fd, name, AtFlags::SYMLINK_NOFOLLOW);
        if found.is_ok_and(|found| found.st_ino == file.inode()) {
            let _ = unlinkat(directory.fd, name, AtFlags::empty());
        }
    });
    directory.close();
}

fn create_in(place: Directory, identity: &Identity, user: u32, file: &FileLocation) -> Option<&'static Page> {
    // The process may have been other programs before, whose pages its children still use.
    const IMAGES: u32 = 16;
    let directory = place.open(identity, user)?;
    let directory = directory.only(!directory.is_crowded())?;
    let (started, namespace) = origin();
    let pid = process::pid().map_or(0, |pid| pid.as_raw_nonzero().get() as u32);
    let made = (0..IMAGES).find_map(|image| attempt(directory.fd, name(pid, started, image)));
    directory.close();
    let Made { page, name, inode } = made??;
    file.set(pid, place, name.as_c_str(), inode);
    describe(page, identity);
    page.creator.store(pid, Relaxed);
    page.started.store(started, Relaxed);
    page.namespace.store(namespace, Relaxed);
    Some(page)
}

/// A page, and the name and inode of its file.
struct Made {
    page: &'static Page,
    name: Path,
    inode: u64,
}

/// Makes a stats file of this name. `None` where the name is taken; `Some(None)` where another name
/// would not help.
fn attempt(directory: Fd, name: Path) -> Option<Option<Made>> {
    let file = match create_file(directory, name.as_c_str()) {
        Err(Errno::EXIST) => return None,
        Err(_) => return Some(None),
        Ok(file) => file,
    };
    let filled = fill(directory, name.as_c_str(), file);
    Some(filled.map(|page| Made { page, name, inode: file.status.st_ino }))
}

/// When this process was started, in clock ticks after boot, and the inode of its pid namespace; 0
/// where procfs does not tell.
#[inline(never)]
fn origin() -> (u64, u64) {
    let Ok(root) = Dir::root() else { return (0, 0) };
    let started = Stat::read(&root, c"self").map_or(0, |stat| stat.start);
    (started, root.inode_of(c"self/ns/pid").unwrap_or(0))
}

/// The name of a stats file: `PID-START-IMAGE.softclose`.
fn name(pid: u32, started: u64, image: u32) -> Path {
    let parts = [DecInt::new(pid), DecInt::new(started), DecInt::new(image)];
    let [pid, started, image] = parts.each_ref().map(DecInt::as_c_str);
    let name = Path::join(Path::join(pid, c"-").as_c_str(), started);
    let name = Path::join(Path::join(name.as_c_str(), c"-").as_c_str(), image);
    Path::join(name.as_c_str(), c".softclose")
}

/// Makes a new file of mode 0600.
fn create_file(directory: Fd, name: &CStr) -> Result<Opened, Errno> {
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = openat(directory, name, flags, Mode::from_raw_mode(0o600))?;
    Opened::of(Fd::adopt(file)).ok_or(Errno::IO)
}

/// Fills the file with zeroes and maps it; removes it where that fails. The zeroes are written so
/// that the tmpfs has all of its memory: a later store to a hole raises `SIGBUS` where there is no
/// memory for it.
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

/// Stores what the page says of its process.
fn describe(page: &Page, identity: &Identity) {
    page.version.set(env!("CARGO_PKG_VERSION"));
    let program = identity.program.utf8_chunks();
    page.program
        .set_all(program.flat_map(|chunk| [chunk.valid(), if chunk.invalid().is_empty() { "" } else { "\u{fffd}" }]));
    match &identity.settings {
        Some(settings) => page.settings.set(settings),
        None => page.settings.set_all(KNOBS.iter().flat_map(|knob| [knob.env, "=", knob.default, "\n"])),
    }
    page.members.store(1, Relaxed);
    page.created.store(clock::seconds_since_1970(), Relaxed);
}

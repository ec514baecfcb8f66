//! The kernel's own count of references, where root has made it readable.
//!
//! `softclosectl refs install` pins a BPF iterator at [`PATH`]. A process that reads from it at offset `N` learns
//! how many references there are to the open file of its own descriptor `N`, and whether an epoll set watches
//! that file. The count has everything in it: duplicates, other processes, messages in flight, requests and
//! registered files of `io_uring`, threads inside a call. A count of one means that nobody else has the
//! connection, and that nobody can get it but through our own table of descriptors.
//!
//! # Which iterator is believed
//!
//! A file on a BPF file system that root owns, and whose answer begins with [`SIGNATURE`]. Anybody can make
//! directories and links in `/sys/fs/bpf`, but no file that belongs to root. The root user of a user namespace can
//! mount a file system of its own there, in a mount namespace of its own. To have this process in that
//! namespace it must have started it, and then it could have preloaded any library.
//!
//! Context: hooks of any kind, on the program's threads. Async-signal-safe. A question holds one descriptor, on
//! the lowest free number, for some microseconds.

use crate::sys::Fd;
use crate::sys::clock::Millis;
use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};
use rustix::fs::{CWD, Mode, OFlags, fstat, fstatfs, openat};
use rustix::io::pread;

/// The file at which the iterator is pinned, in [`DIRECTORY`].
pub const PATH: &CStr = c"/sys/fs/bpf/softclose/refs";
/// The directory of [`PATH`]: what a container has to be given.
pub const DIRECTORY: &str = "/sys/fs/bpf/softclose";
/// The files that are tried. A container gets the directory as the second: in a `/sys` of its own there is nothing
/// below the first that a mount could be put on.
pub const PLACES: [&CStr; 2] = [PATH, c"/run/softclose-refs/refs"];
/// The first of the three words of an answer; it changes when the meaning of the others does.
pub const SIGNATURE: u64 = u32::from_be_bytes(*b"scr1") as u64;
/// In the third word: an epoll set watches the file.
pub const WATCHED: u64 = 1;
/// In the third word: more tasks use the table of descriptors than this process has threads.
pub const SHARED_TABLE: u64 = 2;

/// The type of a BPF file system (`include/uapi/linux/magic.h`).
pub const BPF_FS_MAGIC: u32 = 0xcafe_4a11;
/// For how long the iterator is not looked for again after it was not found.
const ABSENT_MS: u32 = 1000;

/// What the kernel knows of one descriptor of the calling thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// How many references there are to the open file; never 0.
    pub count: u64,
    /// Whether an epoll set watches the file, under any number of any process.
    pub is_watched: bool,
    /// Whether another process uses the same table of descriptors.
    pub is_table_shared: bool,
}

/// Asks the kernel. Remembers for a second that there is no iterator.
pub struct Refs {
    is_absent: AtomicBool,
    /// The [`Millis`] at which no iterator was found.
    since: AtomicU32,
}

impl Refs {
    /// Nothing is known yet.
    pub const fn new() -> Self {
        Self { is_absent: AtomicBool::new(false), since: AtomicU32::new(0) }
    }

    /// What the kernel says of `fd`; `None` where it cannot be asked, and for a number that is not open.
    ///
    /// A server that runs for months finds an iterator that is installed meanwhile.
    #[inline(never)]
    pub fn ask(&self, fd: Fd) -> Option<Answer> {
        if self.is_absent.load(Relaxed) && Millis::now().0.wrapping_sub(self.since.load(Relaxed)) < ABSENT_MS {
            return None;
        }
        let iterator = PLACES.into_iter().find_map(Iterator::open);
        if iterator.is_none() {
            self.since.store(Millis::now().0, Relaxed);
        }
        self.is_absent.store(iterator.is_none(), Relaxed);
        iterator?.read(fd)
    }
}

/// The path of the iterator that this process can ask, if there is one.
pub fn place() -> Option<&'static CStr> {
    PLACES.into_iter().find(|path| Iterator::open(path).is_some())
}

/// In words: which source decides the closes that the counts leave open.
pub fn proof_in_use() -> &'static str {
    if place().is_some() { "the kernel's own count of references" } else { "a look at procfs" }
}

/// As [`Refs::ask`], but asks the iterator at `path`.
pub fn ask_at(path: &CStr, fd: Fd) -> Option<Answer> {
    Iterator::open(path)?.read(fd)
}

/// The open iterator. Its drop closes the number by system call, unless another thread of the program has closed
/// all numbers, and the number is another file by now.
struct Iterator(Fd);

impl Drop for Iterator {
    fn drop(&mut self) {
        if is_trusted(self.0) {
            self.0.close();
        }
    }
}

impl Iterator {
    fn open(path: &CStr) -> Option<Self> {
        // Any file may lie there. A FIFO, for one, must not be waited for.
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        let fd = Fd::adopt(openat(CWD, path, flags, Mode::empty()).ok()?);
        if is_trusted(fd) {
            return Some(Self(fd));
        }
        fd.close();
        None
    }

    fn read(&self, fd: Fd) -> Option<Answer> {
        let mut room = [0; 24];
        let read = pread(self.0, &mut room, fd.index() as u64).ok()?;
        let word = |at: usize| Some(u64::from_ne_bytes(room.get(at..at + 8)?.try_into().ok()?));
        let (signature, count, flags) = (word(0)?, word(8)?, word(16)?);
        let is_answer = read == room.len() && signature == SIGNATURE && count != 0;
        let has = |flag| flags & flag != 0;
        is_answer.then_some(Answer { count, is_watched: has(WATCHED), is_table_shared: has(SHARED_TABLE) })
    }
}

fn is_trusted(fd: Fd) -> bool {
    fstatfs(fd).is_ok_and(|found| found.f_type as u32 == BPF_FS_MAGIC) && fstat(fd).is_ok_and(|found| found.st_uid == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn there_is_no_answer_for_a_number_that_is_not_open() {
        let refs = Refs::new();
        assert_eq!(refs.ask(Fd::new(1 << 28).unwrap()), None);
        assert_eq!(refs.is_absent.load(Relaxed), place().is_none());
    }

    #[test]
    fn an_iterator_that_was_not_found_is_not_looked_for_again_at_once() {
        let refs = Refs { is_absent: AtomicBool::new(true), since: AtomicU32::new(Millis::now().0) };
        assert_eq!(refs.ask(Fd::new(0).unwrap()), None);
        assert!(refs.is_absent.load(Relaxed));
    }
}

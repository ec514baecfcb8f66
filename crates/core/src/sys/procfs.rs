//! procfs without allocation: directories, links and one line of `stat`.
//!
//! Context: async-signal-safe, but it opens descriptors on low numbers for the
//! length of a call. So it is called on the program's own threads only, which
//! cannot notice, and never by the drainer, beside which a single-threaded
//! program may count on "the lowest free number".

use super::{Fd, process};
use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::ops::ControlFlow::{self, Break};
use rustix::fs::{CWD, Mode, OFlags, RawDir, fstatfs, openat, readlinkat_raw};
use rustix::io::{Errno, Result};
use rustix::path::DecInt;
use rustix::process::Pid;

const PROC_SUPER_MAGIC: i64 = 0x9fa0;

/// An open directory of procfs, closed on drop by system call: unless another thread
/// of the program has closed all numbers, and this one is another file by now.
pub struct Dir(Fd);

impl Drop for Dir {
    fn drop(&mut self) {
        if is_procfs(self.0) {
            self.0.close();
        }
    }
}

/// An open file of procfs, closed on drop as a [`Dir`] is.
pub struct File(Fd);

impl Drop for File {
    fn drop(&mut self) {
        if is_procfs(self.0) {
            self.0.close();
        }
    }
}

impl File {
    /// What comes next; 0 at the end.
    ///
    /// # Errors
    /// `ESRCH`: the process has ended.
    pub fn read(&self, room: &mut [u8]) -> Result<usize> {
        rustix::io::read(self.0, room)
    }
}

fn is_procfs(fd: Fd) -> bool {
    fstatfs(fd).is_ok_and(|stat| stat.f_type == PROC_SUPER_MAGIC)
}

impl Dir {
    /// `/proc`, if that is what is mounted there.
    ///
    /// # Errors
    /// `ENOENT` without a procfs (chroot), `EACCES`, `EMFILE`.
    pub fn root() -> Result<Self> {
        let dir = Self::open(CWD, c"/proc")?;
        if is_procfs(dir.0) {
            return Ok(dir);
        }
        dir.0.close();
        Err(Errno::NOENT)
    }

    /// The descriptors of this process, as the calling thread has them.
    ///
    /// # Errors
    /// As [`Dir::root`].
    pub fn own_descriptors() -> Result<Self> {
        Self::root()?.below(c"thread-self/fd")
    }

    /// A directory below this one.
    ///
    /// # Errors
    /// `EACCES`: another user's. `ENOENT`, `ESRCH`: gone. `EMFILE`.
    pub fn below(&self, path: &CStr) -> Result<Self> {
        Self::open(self.0, path)
    }

    fn open(at: impl rustix::fd::AsFd, path: &CStr) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(at, path, flags, Mode::empty()).map(Fd::adopt).map(Self)
    }

    /// Whether `fd` is its own number.
    pub fn is(&self, fd: Fd) -> bool {
        self.0 == fd
    }

    /// Calls `visit` for every entry but `.` and `..` until it breaks.
    ///
    /// # Errors
    /// `ESRCH`, `ENOENT`: the process ended meanwhile.
    pub fn each<B>(&self, mut visit: impl FnMut(&CStr) -> ControlFlow<B>) -> Result<Option<B>> {
        let mut room = [MaybeUninit::uninit(); 512];
        let mut entries = RawDir::new(self.0, &mut room);
        while let Some(entry) = entries.next() {
            let entry = entry?;
            let name = entry.file_name();
            let is_dot = name.to_bytes().starts_with(b".");
            if !is_dot && let ControlFlow::Break(found) = visit(name) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The socket inode that link `name` points to; `None` for other links.
    pub fn socket_link(&self, name: &CStr) -> Option<u64> {
        let mut room = [MaybeUninit::<u8>::uninit(); 40];
        let (text, _) = readlinkat_raw(self.0, name, &mut room[..]).ok()?;
        socket_inode(text)
    }

    /// The inode of what link `name` leads to.
    pub fn inode_of(&self, name: &CStr) -> Option<u64> {
        rustix::fs::statat(self.0, name, rustix::fs::AtFlags::empty()).ok().map(|stat| stat.st_ino)
    }

    /// The head of file `path` below this directory.
    ///
    /// # Errors
    /// As [`Dir::below`].
    pub fn read<'buf>(&self, path: &CStr, room: &'buf mut [u8]) -> Result<&'buf [u8]> {
        let file = Fd::adopt(openat(self.0, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?);
        let read = rustix::io::read(file, &mut *room);
        file.close();
        Ok(room.get(..read?).unwrap_or_default())
    }

    /// File `path` below this directory.
    ///
    /// # Errors
    /// As [`Dir::below`].
    pub fn file(&self, path: &CStr) -> Result<File> {
        openat(self.0, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map(Fd::adopt).map(File)
    }

    /// Calls `visit` for the lines of file `path` below this directory until it answers
    /// false; answers whether it never did. Of what is longer than a line of procfs, it is
    /// given pieces.
    ///
    /// # Errors
    /// As [`Dir::below`].
    pub fn each_line(&self, path: &CStr, mut visit: impl FnMut(&[u8]) -> bool) -> Result<bool> {
        let mut goes_on = true;
        let was_stopped = self.any_line(path, |line| {
            goes_on = goes_on && visit(line);
            !goes_on
        })?;
        Ok(!was_stopped)
    }

    /// Whether any line of file `path` below this directory `is_it`. What is longer
    /// than a line of procfs is not looked at.
    ///
    /// # Errors
    /// As [`Dir::below`].
    pub fn any_line(&self, path: &CStr, is_it: impl FnMut(&[u8]) -> bool) -> Result<bool> {
        let file = Fd::adopt(openat(self.0, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())?);
        let found = any_line_of(file, is_it);
        file.close();
        found
    }
}

/// Whether the `status` file at this path below procfs does not say that there is no seccomp
/// filter: in doubt there is one.
#[inline(never)]
pub fn may_be_filtered(status: &CStr) -> bool {
    let is_free = Dir::root().and_then(|root| root.any_line(status, |line| line == b"Seccomp:\t0"));
    is_free != Ok(true)
}

/// Whether no process is outside of what procfs shows: `PROC_PID_INIT_INO` is the inode of the
/// first pid namespace. It takes no descriptor.
pub fn is_outermost() -> bool {
    let mut room = [MaybeUninit::<u8>::uninit(); 40];
    readlinkat_raw(CWD, c"/proc/thread-self/ns/pid", &mut room[..]).is_ok_and(|(text, _)| *text == *b"pid:[4026531836]")
}

/// Whether this process is in a pid namespace other than the first one, provably.
pub fn is_in_inner_namespace() -> bool {
    Dir::root().is_ok_and(|root| !is_outermost() && Stat::read(&root, c"thread-self").is_ok())
}

fn any_line_of(file: Fd, mut is_it: impl FnMut(&[u8]) -> bool) -> Result<bool> {
    let mut room = [0; 512];
    let mut kept = 0;
    loop {
        let read = rustix::io::read(file, room.get_mut(kept..).unwrap_or_default())?;
        let filled = room.get(..kept + read).unwrap_or_default();
        let end = filled.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if filled.get(..end).unwrap_or_default().split(|&byte| byte == b'\n').any(&mut is_it) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // The beginning of the next line; all of one that does not fit is dropped.
        kept = filled.len() - end;
        kept = if kept == room.len() { 0 } else { kept };
        room.copy_within(end..end + kept, 0);
    }
}

/// How many numbers this process has open (Linux 6.2, `proc_fd_getattr`); `None` where the
/// kernel does not tell.
pub fn open_numbers() -> Option<u64> {
    let found = rustix::fs::stat(c"/proc/thread-self/fd").ok()?;
    u64::try_from(found.st_size).ok().filter(|&count| count != 0)
}

/// Whether the numbers of processes and threads that procfs shows are those that the kernel
/// tells us: not where it is the one of another pid namespace.
#[inline(never)]
pub fn shows_our_numbers() -> bool {
    let mut room = [MaybeUninit::<u8>::uninit(); 16];
    let me = readlinkat_raw(CWD, c"/proc/self", &mut room[..]);
    me.is_ok_and(|(text, _)| {
        number(text) == process::pid().map(|pid| u64::from(pid.as_raw_nonzero().get().unsigned_abs()))
    })
}

/// Whether number `fd` of process `pid` is the socket with this inode; `None` where that
/// cannot be looked at.
#[inline(never)]
pub fn holds_at(pid: Pid, fd: Fd, inode: u64) -> Option<bool> {
    let process = Path::join(c"/proc/", DecInt::new(pid.as_raw_nonzero().get()).as_c_str());
    let numbers = Path::join(process.as_c_str(), c"/fd/");
    let link = Path::join(numbers.as_c_str(), DecInt::new(fd.raw()).as_c_str());
    let mut room = [MaybeUninit::<u8>::uninit(); 40];
    match readlinkat_raw(CWD, link.as_c_str(), &mut room[..]) {
        // In another namespace that is somebody else's.
        Ok((text, _)) => Some(socket_inode(text) == Some(inode)).filter(|&is_it| is_it || shows_our_numbers()),
        Err(Errno::NOENT | Errno::SRCH) => lacks(pid, numbers.as_c_str()).then_some(false),
        Err(_) => None,
    }
}

/// Whether there is no such number because the process has gone, or has others: it may be
/// hidden, in another namespace, or shown without numbers as its first thread has ended.
fn lacks(pid: Pid, numbers: &CStr) -> bool {
    process::has_gone(pid) || shows_our_numbers() && has_entries(numbers)
}

fn has_entries(path: &CStr) -> bool {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let Ok(fd) = openat(CWD, path, flags, Mode::empty()) else { return false };
    let dir = Dir(Fd::adopt(fd));
    dir.each(|_| Break(())).is_ok_and(|found| found.is_some())
}

fn socket_inode(link: &[u8]) -> Option<u64> {
    number(link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?)
}

/// `prefix` + `suffix` as a path, cut off where it does not fit.
pub struct Path {
    room: [u8; 48],
}

impl Path {
    /// Joins, for names as short as those of procfs.
    pub fn join(prefix: &CStr, suffix: &CStr) -> Self {
        let mut room = [0; 48];
        let parts = prefix.to_bytes().iter().chain(suffix.to_bytes());
        // The last byte stays zero.
        for (to, from) in room.iter_mut().take(47).zip(parts) {
            *to = *from;
        }
        Self { room }
    }

    /// The path.
    pub fn as_c_str(&self) -> &CStr {
        CStr::from_bytes_until_nul(&self.room).unwrap_or(c"")
    }
}

/// What one line of `/proc/PID/stat` says, readable across users.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// What it is at (field 3): `R`, `S`, `D` and others of proc(5).
    pub state: u8,
    /// How many threads it has, the ended first one included (field 20).
    pub threads: u64,
    /// Clock ticks after boot at which the process was made (field 22).
    pub start: u64,
    /// Whether it is a kernel thread (`PF_KTHREAD` of field 9).
    pub is_kernel_thread: bool,
    /// Whether it is about to be gone (`PF_EXITING` of field 9).
    pub is_ending: bool,
}

impl Stat {
    /// Reads `stat` below `process`, a directory such as `/proc/42` or a prefix.
    ///
    /// # Errors
    /// `ENOENT`, `ESRCH`: gone. `EINVAL`: not understood.
    #[inline(never)]
    pub fn read(root: &Dir, process: &CStr) -> Result<Self> {
        let mut room = [0; 400];
        let path = Path::join(process, c"/stat");
        Self::parse(root.read(path.as_c_str(), &mut room)?).ok_or(Errno::INVAL)
    }

    /// The name, in parentheses, may hold anything, parentheses included.
    fn parse(line: &[u8]) -> Option<Self> {
        const PF_KTHREAD: u64 = 0x0020_0000;
        const PF_EXITING: u64 = 0x0000_0004;
        let end = line.iter().rposition(|&byte| byte == b')')?;
        let mut fields = line.get(end + 2..)?.split(|&byte| byte == b' ');
        // After the name comes field 3.
        let state = *fields.next()?.first()?;
        let flags = number(fields.nth(9 - 3 - 1)?)?;
        let threads = number(fields.nth(20 - 9 - 1)?)?;
        let start = number(fields.nth(22 - 20 - 1)?)?;
        let is_ending = flags & PF_EXITING != 0;
        Some(Self { state, threads, start, is_kernel_thread: flags & PF_KTHREAD != 0, is_ending })
    }
}

/// The number that an entry of a directory of descriptors stands for.
pub fn descriptor(name: &CStr) -> Option<Fd> {
    number(name.to_bytes()).and_then(|raw| Fd::new(raw as i32))
}

/// A decimal number, and nothing else.
pub fn number(text: &[u8]) -> Option<u64> {
    core::str::from_utf8(text).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = b"42 (a) b) (c) S 1 2 3 4 5 2097152 7 8 9 10 11 12 13 14 15 16 17 18 991 20 21\n";
        assert_eq!(
            Stat::parse(line),
            Some(Stat { state: b'S', threads: 17, start: 991, is_kernel_thread: true, is_ending: false })
        );
        assert_eq!(Stat::parse(b"42 (a"), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn our_own_line_is_understood() {
        let root = Dir::root().unwrap();
        let stat = Stat::read(&root, c"self").unwrap();
        assert!(stat.start > 0 && !stat.is_kernel_thread);
    }

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn a_socket_is_found_by_its_link() {
        let (one, _two) = std::os::unix::net::UnixStream::pair().unwrap();
        let fd = Fd::new(std::os::fd::AsRawFd::as_raw_fd(&one)).unwrap();
        let inode = super::super::socket::inode(fd).unwrap();
        let dir = Dir::root().unwrap().below(c"self/fd").unwrap();
        let found = dir.each(|name| match dir.socket_link(name) {
            Some(link) if link == inode => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        assert_eq!(found, Ok(Some(())));
    }
}

//! Directories and files of procfs, by descriptor.
//!
//! Context: async-signal-safe; see [`super`] about the descriptors that it takes.

use super::text::socket_inode;
use crate::sys::fd::Fd;
use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::ops::ControlFlow;
use rustix::fs::{AtFlags, CWD, Mode, OFlags, RawDir, fstatfs, openat, readlinkat_raw, statat};
use rustix::io::{Errno, Result};

/// An open directory of procfs. Its drop closes the descriptor by a raw system call, but only
/// while the descriptor is still a file of procfs: another thread of the program may have
/// closed all descriptors, and have opened another file under the same number.
pub struct Dir(Fd);

impl Drop for Dir {
    fn drop(&mut self) {
        close_if_procfs(self.0);
    }
}

/// An open file of procfs, closed on drop as a [`Dir`] is.
pub struct File(Fd);

impl Drop for File {
    fn drop(&mut self) {
        close_if_procfs(self.0);
    }
}

impl File {
    /// Reads the next bytes into `buffer` and answers how many; 0 at the end of the file.
    ///
    /// # Errors
    /// `ESRCH`: the process has ended.
    pub fn read(&self, buffer: &mut [u8]) -> Result<usize> {
        rustix::io::read(self.0, buffer)
    }
}

fn close_if_procfs(fd: Fd) {
    if is_procfs(fd) {
        fd.close();
    }
}

fn is_procfs(fd: Fd) -> bool {
    const PROC_SUPER_MAGIC: i64 = 0x9fa0;
    fstatfs(fd).is_ok_and(|stat| stat.f_type == PROC_SUPER_MAGIC)
}

/// Opening.
impl Dir {
    /// Opens `/proc`, if a procfs is mounted there.
    ///
    /// # Errors
    /// `ENOENT`: no procfs, as after `chroot`. `EACCES`, `EMFILE`.
    pub fn root() -> Result<Self> {
        let dir = Self::at(c"/proc")?;
        if is_procfs(dir.0) {
            return Ok(dir);
        }
        dir.0.close();
        Err(Errno::NOENT)
    }

    /// Opens the directory of the calling thread's descriptors, `/proc/thread-self/fd`.
    ///
    /// # Errors
    /// As [`Dir::root`].
    pub fn own_descriptors() -> Result<Self> {
        Self::root()?.below(c"thread-self/fd")
    }

    /// Opens the directory with this absolute path, which is one of procfs.
    ///
    /// # Errors
    /// As [`Dir::below`].
    pub(super) fn at(path: &CStr) -> Result<Self> {
        Self::open(CWD, path)
    }

    /// Opens a directory below this one.
    ///
    /// # Errors
    /// `EACCES`: it belongs to another user. `ENOENT`, `ESRCH`: the process is gone. `EMFILE`.
    pub fn below(&self, path: &CStr) -> Result<Self> {
        Self::open(self.0, path)
    }

    fn open(at: impl rustix::fd::AsFd, path: &CStr) -> Result<Self> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        openat(at, path, flags, Mode::empty()).map(Fd::adopt).map(Self)
    }

    /// Opens the file `path` below this directory.
    ///
    /// # Errors
    /// As [`Dir::below`].
    pub fn file(&self, path: &CStr) -> Result<File> {
        self.open_file(path).map(File)
    }

    fn open_file(&self, path: &CStr) -> Result<Fd> {
        openat(self.0, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty()).map(Fd::adopt)
    }

    /// Whether `fd` is the descriptor of this directory itself.
    pub fn is(&self, fd: Fd) -> bool {
        self.0 == fd
    }
}

/// Entries and links.
impl Dir {
    /// Calls `visit` with the name of every entry but `.` and `..`, until `visit` breaks.
    /// Answers the value that it broke with, or `None` where it never did.
    ///
    /// # Errors
    /// `ESRCH`, `ENOENT`: the process has ended meanwhile.
    pub fn each<B>(&self, mut visit: impl FnMut(&CStr) -> ControlFlow<B>) -> Result<Option<B>> {
        let mut buffer = [MaybeUninit::uninit(); 512];
        let mut entries = RawDir::new(self.0, &mut buffer);
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

    /// The inode of the socket that link `name` stands for; `None` for other links.
    pub fn socket_link(&self, name: &CStr) -> Option<u64> {
        let mut buffer = [MaybeUninit::<u8>::uninit(); 40];
        let (text, _) = readlinkat_raw(self.0, name, &mut buffer[..]).ok()?;
        socket_inode(text)
    }

    /// The inode of the file that link `name` leads to.
    pub fn inode_of(&self, name: &CStr) -> Option<u64> {
        statat(self.0, name, AtFlags::empty()).ok().map(|stat| stat.st_ino)
    }
}

/// Content of files.
impl Dir {
    /// Reads the first bytes of file `path` below this directory, as many as `buffer` holds.
    ///
    /// # Errors
    /// As [`Dir::below`].
    pub fn read<'buf>(&self, path: &CStr, buffer: &'buf mut [u8]) -> Result<&'buf [u8]> {
        let file = self.open_file(path)?;
        let read = rustix::io::read(file, &mut *buffer);
        file.close();
        Ok(buffer.get(..read?).unwrap_or_default())
    }

    /// Calls `visit` for the lines of file `path` below this directory until it answers false.
    /// Answers whether it never did. Long lines are treated as in [`Dir::any_line`].
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

    /// Whether `is_it` holds for any line of file `path` below this directory. Lines of
    /// procfs are shorter than 512 bytes; of a longer one, `is_it` sees the end at most.
    ///
    /// # Errors
    /// As [`Dir::below`].
    pub fn any_line(&self, path: &CStr, is_it: impl FnMut(&[u8]) -> bool) -> Result<bool> {
        let file = self.open_file(path)?;
        let found = any_line_of(file, is_it);
        file.close();
        found
    }
}

fn any_line_of(file: Fd, mut is_it: impl FnMut(&[u8]) -> bool) -> Result<bool> {
    let mut buffer = [0; 512];
    let mut kept = 0;
    loop {
        let read = rustix::io::read(file, buffer.get_mut(kept..).unwrap_or_default())?;
        let filled = buffer.get(..kept + read).unwrap_or_default();
        let end = filled.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        if filled.get(..end).unwrap_or_default().split(|&byte| byte == b'\n').any(&mut is_it) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        // What is left begins the next line. A line that fills the buffer is dropped.
        kept = filled.len() - end;
        kept = if kept == buffer.len() { 0 } else { kept };
        buffer.copy_within(end..end + kept, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn a_socket_is_found_by_its_link() {
        let (one, _two) = std::os::unix::net::UnixStream::pair().unwrap();
        let fd = Fd::new(std::os::fd::AsRawFd::as_raw_fd(&one)).unwrap();
        let inode = crate::sys::socket::inode(fd).unwrap();
        let dir = Dir::root().unwrap().below(c"self/fd").unwrap();
        let found = dir.each(|name| match dir.socket_link(name) {
            Some(link) if link == inode => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        });
        assert_eq!(found, Ok(Some(())));
    }
}

//! Threads of this process that are blocked in a write to a descriptor.
//!
//! A thread that is blocked in `send` holds the description without having a
//! number of its own: when another thread closes the number, the send goes on,
//! and a half-close would break it. It is asked where more than
//! a little is unacknowledged, as a look at every thread is not free.
//!
//! Source: `/proc/self/task/TID/syscall`, which a process may read of its own threads
//! (`__ptrace_may_access`, same thread group), but not always open: the file is root's
//! where the process has changed its user (`task_dump_owner`), and that of a thread
//! that is about to be gone.

use crate::sys::Fd;
use crate::sys::procfs::{Dir, Path, Stat};
use core::ffi::CStr;
use core::ops::ControlFlow::{Break, Continue};
use rustix::io::Errno;

/// What the other threads are at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writers {
    /// None is blocked in a write to the descriptor.
    None,
    /// None is, but more than a little is queued: one may be running in a long write.
    Running,
    /// One is.
    Blocked,
    /// Of some the kernel does not tell.
    Unknown,
}

/// Whether a thread is blocked in a system call on `fd` that may write to it. Who reads
/// is not harmed by a half-close.
#[inline(never)]
pub fn on(fd: Fd) -> Writers {
    let Ok(tasks) = Dir::root().and_then(|root| root.below(c"self/task")) else { return Writers::Unknown };
    let mut seen = Writers::Running;
    let all = tasks.each(|tid| match one_on(&tasks, tid, fd) {
        Writers::Blocked => Break(()),
        Writers::Unknown => {
            seen = Writers::Unknown;
            Continue(())
        }
        Writers::None | Writers::Running => Continue(()),
    });
    match all {
        Ok(Some(())) => Writers::Blocked,
        Ok(None) => seen,
        Err(_) => Writers::Unknown,
    }
}

fn one_on(tasks: &Dir, tid: &CStr, fd: Fd) -> Writers {
    let mut room = [0; 256];
    let path = Path::join(tid, c"/syscall");
    match tasks.read(path.as_c_str(), &mut room) {
        Ok(line) if names(line, fd) => Writers::Blocked,
        Ok(_) | Err(Errno::NOENT | Errno::SRCH) => Writers::None,
        Err(_) if is_ending(tasks, tid) => Writers::None,
        Err(_) => Writers::Unknown,
    }
}

/// Whether the thread has begun to end: it is in no call on a descriptor any more.
#[inline(never)]
fn is_ending(tasks: &Dir, tid: &CStr) -> bool {
    Stat::read(tasks, tid).map_or_else(|error| error != Errno::ACCESS, |stat| stat.is_ending)
}

/// `NR ARG0 ARG1 ... SP PC` in hexadecimal, or the word `running`.
fn names(line: &[u8], fd: Fd) -> bool {
    /// `write`, `writev`, `sendfile`, `sendto`, `sendmsg`, `pwritev`, `sendmmsg`,
    /// `pwritev2`: what they write to is their first argument.
    const WRITES: [u64; 8] = [1, 20, 40, 44, 46, 296, 307, 328];
    /// `splice`: the third.
    const SPLICE: u64 = 275;
    let Ok(text) = core::str::from_utf8(line) else { return true };
    let mut words = text.split_ascii_whitespace();
    let argument = match words.next().and_then(|word| word.parse().ok()) {
        Some(SPLICE) => words.nth(2),
        Some(number) if WRITES.contains(&number) => words.next(),
        _ => None,
    };
    let value = argument.and_then(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
    value == Some(fd.raw() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_descriptor_it_writes_to() {
        let fd = Fd::new(5).unwrap();
        assert!(names(b"44 0x5 0x7f0 0x300000 0x0 0x0 0x0 0x7ffc 0x7f1\n", fd));
        assert!(!names(b"44 0x6 0x7f0 0x300000 0x0 0x0 0x0 0x7ffc 0x7f1\n", fd));
        assert!(names(b"275 0x9 0x0 0x5 0x0 0x0 0x0 0x7ffc 0x7f1\n", fd));
        assert!(!names(b"running\n", fd));
        assert!(!names(b"3 0x5 0x7f0 0x1 0x0 0x0 0x0 0x7ffc 0x7f1\n", fd));
        assert!(!names(b"0 0x5 0x7f0 0x1 0x0 0x0 0x0 0x7ffc 0x7f1\n", fd));
    }

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn a_blocked_writer_of_our_own_is_found() {
        use std::io::Write;
        use std::os::fd::AsRawFd;
        let (mut here, there) = std::os::unix::net::UnixStream::pair().unwrap();
        let fd = Fd::new(here.as_raw_fd()).unwrap();
        let writer = std::thread::spawn(move || here.write_all(&[0; 8 << 20]).unwrap_err());
        while on(fd) != Writers::Blocked {
            std::thread::yield_now();
        }
        drop(there);
        writer.join().unwrap();
    }
}

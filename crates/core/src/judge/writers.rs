//! Threads of this process that are inside a system call on a descriptor.
//!
//! A thread that is blocked in `send` holds the description without having a
//! number of its own: when another thread closes the number, the send goes on,
//! and a half-close would break it. It is asked where more than
//! a little is unacknowledged, as a look at every thread is not free.
//!
//! Source: `/proc/self/task/TID/syscall`, which a process may always read of its
//! own threads (`__ptrace_may_access`, same thread group).

use crate::sys::Fd;
use crate::sys::procfs::{Dir, Path};
use core::ffi::CStr;
use core::ops::ControlFlow::{Break, Continue};

/// Whether a thread is blocked in a system call on `fd`, or that cannot be known.
#[inline(never)]
pub fn any_on(fd: Fd) -> bool {
    let Ok(tasks) = Dir::root().and_then(|root| root.below(c"self/task")) else { return true };
    let found = tasks.each(|tid| if is_on(&tasks, tid, fd) { Break(()) } else { Continue(()) });
    found != Ok(None)
}

fn is_on(tasks: &Dir, tid: &CStr, fd: Fd) -> bool {
    if tid.to_bytes().starts_with(b".") {
        return false;
    }
    let mut room = [0; 256];
    let path = Path::join(tid, c"/syscall");
    match tasks.read(path.as_c_str(), &mut room) {
        Ok(line) => names(line, fd),
        // The thread has ended meanwhile, or the kernel does not tell.
        Err(error) => !matches!(error, rustix::io::Errno::NOENT | rustix::io::Errno::SRCH),
    }
}

/// `NR ARG0 ARG1 ... SP PC` in hexadecimal, or the word `running`.
fn names(line: &[u8], fd: Fd) -> bool {
    const SPLICE: u64 = 275;
    let Ok(text) = core::str::from_utf8(line) else { return true };
    let mut words = text.split_ascii_whitespace();
    let number = words.next().and_then(|word| word.parse().ok());
    let argument = if number == Some(SPLICE) { words.nth(2) } else { words.next() };
    let value = argument.and_then(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
    number.is_some() && value == Some(fd.raw() as u64)
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
    }

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn a_blocked_reader_of_our_own_is_found() {
        use std::io::Read;
        use std::os::fd::AsRawFd;
        let (mut here, there) = std::os::unix::net::UnixStream::pair().unwrap();
        let fd = Fd::new(here.as_raw_fd()).unwrap();
        let reader = std::thread::spawn(move || here.read(&mut [0]).unwrap());
        while !any_on(fd) {
            std::thread::yield_now();
        }
        drop(there);
        assert_eq!(reader.join().unwrap(), 0);
    }
}

//! Which system calls the other threads of this process are in.
//!
//! A thread that is blocked in `send` or `recv` holds the open file description without a descriptor of its own:
//! when another thread closes the number, the blocked call goes on. A half-close would break a blocked `send`. A
//! drain would take from a blocked `recv` what it waits for.
//!
//! Source: `/proc/self/task/TID/syscall`. A process may read it for its own threads (`__ptrace_may_access`, same
//! thread group), but cannot always open it: it belongs to root where the process has changed its user
//! (`task_dump_owner`), and while a thread is ending. `stat` beside it can be opened by everybody, and tells
//! whether the thread sleeps.
//!
//! Context: the thread of the looker, as files are opened.

use crate::sys::procfs::{Dir, Path, Stat};
use crate::sys::raw::nr;
use core::ffi::CStr;
use rustix::io::Errno;

/// What a system call does to a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It reads from it.
    Reads = 0,
    /// It writes data from memory to it: a blocked call waits for room in the send buffer.
    Writes = 1,
    /// It writes to it what it reads elsewhere (`sendfile`, `splice`): a blocked call waits for room, or for
    /// data.
    Feeds = 2,
}

/// What one thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doing {
    /// It is blocked in a call that does this to these numbers; `splice` has two.
    Blocked([Option<(Deed, u64)>; 2]),
    /// It sleeps, in a call that the kernel does not tell.
    Asleep,
    /// It runs, or waits for a processor or a disk; the kernel does not tell whether it is in a call.
    Running,
    /// It has ended.
    Gone,
    /// The kernel does not tell.
    Unknown,
}

/// What the thread is doing whose directory is `tid` in `tasks`.
pub fn of(tasks: &Dir, tid: &CStr) -> Doing {
    let mut room = [0; 256];
    let path = Path::join(tid, c"/syscall");
    match tasks.read(path.as_c_str(), &mut room) {
        Ok(line) => parse(line),
        Err(Errno::SRCH) => Doing::Gone,
        // Also where the kernel has no such file (gVisor).
        Err(_) => by_state(tasks, tid),
    }
}

/// As [`of`], from the state in `stat`. A thread that has begun to end is in no call on a descriptor any more.
#[inline(never)]
fn by_state(tasks: &Dir, tid: &CStr) -> Doing {
    match Stat::read(tasks, tid) {
        Ok(stat) if stat.is_ending => Doing::Gone,
        Ok(Stat { state: b'S', .. }) => Doing::Asleep,
        Ok(_) => Doing::Running,
        Err(Errno::ACCESS) => Doing::Unknown,
        Err(_) => Doing::Gone,
    }
}

/// What a line of `/proc/TID/syscall` says: `NR ARG0 ARG1 ... SP PC` in hexadecimal, `-1 SP PC` outside of a
/// call, or the word `running`.
fn parse(line: &[u8]) -> Doing {
    const READS: [usize; 6] = [nr::READ, nr::READV, nr::RECVFROM, nr::RECVMSG, nr::RECVMMSG, nr::PREADV2];
    const WRITES: [usize; 7] =
        [nr::WRITE, nr::WRITEV, nr::SENDTO, nr::SENDMSG, nr::PWRITEV, nr::SENDMMSG, nr::PWRITEV2];
    let Ok(text) = core::str::from_utf8(line) else { return Doing::Unknown };
    let mut words = text.split_ascii_whitespace();
    let Some(first) = words.next() else { return Doing::Gone };
    let Ok(number) = first.parse::<i64>() else {
        return if first == "running" { Doing::Running } else { Doing::Unknown };
    };
    let arguments = || words.clone().map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok());
    let on = |deed, place| Some((deed, arguments().nth(place)??));
    // Outside of a call it is -1.
    let Ok(number) = usize::try_from(number) else { return Doing::Blocked([None, None]) };
    Doing::Blocked(match number {
        nr::SPLICE => [on(Deed::Reads, 0), on(Deed::Feeds, 2)],
        nr::SENDFILE => [on(Deed::Feeds, 0), None],
        _ if READS.contains(&number) => [on(Deed::Reads, 0), None],
        _ if WRITES.contains(&number) => [on(Deed::Writes, 0), None],
        _ => [None, None],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::procfs;

    fn in_call(number: usize, arguments: &str) -> Doing {
        parse(format!("{number} {arguments} 0x7ffc 0x7f1\n").as_bytes())
    }

    #[test]
    fn a_line_names_the_descriptor_and_what_is_done_to_it() {
        let one = |deed, number| Doing::Blocked([Some((deed, number)), None]);
        assert_eq!(in_call(nr::SENDTO, "0x5 0x7f0 0x300000 0x0 0x0 0x0"), one(Deed::Writes, 5));
        assert_eq!(in_call(nr::READ, "0x1f 0x7f0 0x1 0x0 0x0 0x0"), one(Deed::Reads, 31));
        assert_eq!(in_call(nr::SENDFILE, "0x5 0x6 0x0 0x10 0x0 0x0"), one(Deed::Feeds, 5));
        let both = Doing::Blocked([Some((Deed::Reads, 9)), Some((Deed::Feeds, 5))]);
        assert_eq!(in_call(nr::SPLICE, "0x9 0x0 0x5 0x0 0x0 0x0"), both);
    }

    #[test]
    fn a_line_without_a_descriptor_names_none() {
        let none = Doing::Blocked([None, None]);
        assert_eq!(in_call(nr::CLOSE, "0x5 0x7f0 0x1 0x0 0x0 0x0"), none);
        assert_eq!(parse(b"-1 0x7ffc 0x7f1\n"), none);
        assert_eq!(parse(b"running\n"), Doing::Running);
        assert_eq!(parse(b"what\n"), Doing::Unknown);
    }

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn a_blocked_writer_of_our_own_is_found() {
        use std::io::Write;
        use std::os::fd::AsRawFd;
        let (mut here, there) = std::os::unix::net::UnixStream::pair().unwrap();
        let expected = Doing::Blocked([Some((Deed::Writes, here.as_raw_fd() as u64)), None]);
        let (tell, told) = std::sync::mpsc::channel();
        let writer = std::thread::spawn(move || {
            tell.send(crate::sys::process::thread().unwrap()).unwrap();
            here.write_all(&[0; 8 << 20]).unwrap_err()
        });
        let tid = std::ffi::CString::new(told.recv().unwrap().as_raw_nonzero().to_string()).unwrap();
        let tasks = procfs::Dir::root().unwrap().below(c"self/task").unwrap();
        while of(&tasks, &tid) != expected {
            std::thread::yield_now();
        }
        drop(there);
        writer.join().unwrap();
    }
}

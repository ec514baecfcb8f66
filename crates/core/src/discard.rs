//! Discarding data that has arrived, a limited amount at a time.
//!
//! Context: the drainer's thread, and the program's threads where they drain in place.
//! Async-signal-safe; nothing here waits.

use crate::bounds::End;
use crate::sys::{Fd, socket, valgrind};
use rustix::io::{Errno, Result};

/// When about this many bytes of one socket are discarded, the other sockets have their turn.
const BUDGET: usize = 1 << 20;
/// Most bytes discarded by one system call.
const CHUNK: usize = 128 << 10;

/// The buffer that is given to the kernel, which writes nothing to it. It is in read-only memory. It
/// has its full length because Valgrind checks the buffers of system calls.
static NOWHERE: [u8; CHUNK] = [0; CHUNK];

/// To be called in the constructor: tells Valgrind that several threads use the buffer at the same
/// time.
pub fn begin() {
    valgrind::is_lock_free(NOWHERE.as_ptr().addr(), NOWHERE.len());
}

/// What one turn found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// This many bytes were discarded, and more may come.
    More(u64),
    /// This many bytes were discarded, and then the connection ended.
    End(u64, End),
}

/// Discards what has arrived, about a mebibyte at most.
pub fn discard_some(fd: Fd) -> Step {
    let mut total = 0;
    while total < BUDGET {
        match discard(fd) {
            Ok(0) => return Step::End(total as u64, End::Fin),
            Ok(bytes) => total += bytes,
            Err(error) if socket::is_would_block(error) => break,
            Err(_) => return Step::End(total as u64, End::Reset),
        }
    }
    Step::More(total as u64)
}

fn discard(fd: Fd) -> Result<usize> {
    match socket::discard(fd, &NOWHERE) {
        Err(Errno::FAULT) => discard_by_copy(fd),
        result => result,
    }
}

/// Discards by a copy. Not inlined, so that its buffer is on the stack only here: a signal stack may be
/// small.
#[inline(never)]
fn discard_by_copy(fd: Fd) -> Result<usize> {
    socket::discard_into(fd, &mut [0; 1024])
}

/// Discards all that is queued, and answers how many bytes. For a connection whose peer has sent
/// its FIN: nothing more can come.
pub fn discard_queued(fd: Fd) -> u64 {
    let mut total = 0;
    loop {
        match discard_some(fd) {
            Step::More(bytes) if bytes != 0 => total += bytes,
            Step::More(bytes) | Step::End(bytes, _) => return total + bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    #[test]
    #[cfg_attr(miri, ignore = "sockets")]
    fn everything_is_discarded_until_the_fin() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let here = listener.accept().unwrap().0;
        let fd = Fd::new(here.as_raw_fd()).unwrap();
        assert_eq!(discard_some(fd), Step::More(0));
        there.write_all(&[7; 5000]).unwrap();
        drop(there);
        let mut total = 0;
        loop {
            match discard_some(fd) {
                Step::More(bytes) => total += bytes,
                Step::End(bytes, end) => {
                    assert_eq!((total + bytes, end), (5000, End::Fin));
                    break;
                }
            }
        }
    }
}

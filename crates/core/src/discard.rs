//! Discarding what has come in, a limited amount at a time.
//!
//! Context: the drainer's thread, and the inline engine on the program's.

use crate::bounds::End;
use crate::sys::{Fd, socket, valgrind};
use rustix::io::{Errno, Result};

/// Most bytes discarded from one socket before the others have their turn.
const BUDGET: usize = 1 << 20;
const CHUNK: usize = 128 << 10;

/// Where discarded bytes would go. It cannot be written, and is not; but who watches system
/// calls (Valgrind) wants to see memory there.
static NOWHERE: [u8; CHUNK] = [0; CHUNK];

/// Two threads may discard at the same time. Called by the constructor.
pub fn begin() {
    valgrind::is_lock_free(NOWHERE.as_ptr().addr(), NOWHERE.len());
}

/// What a turn found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes, and there may be more, now or later.
    More(u64),
    /// So many bytes, and the end of the connection.
    End(u64, End),
}

/// Discards what is queued, up to the budget.
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

/// A frame of its own: a signal stack may be small.
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

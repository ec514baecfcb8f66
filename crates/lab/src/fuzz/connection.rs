//! The peer's end of one connection.
//!
//! Nothing here blocks. What does not happen at once is tried again by the caller.

use super::outcome::{End, Runs};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

/// More than this is never sent on one connection: it must fit the receive
/// window of a program that reads nothing.
const MOST_SENT: usize = 48 << 10;

/// How long something that happens within the kernel may take.
const SOON: Duration = Duration::from_millis(50);

/// One connection.
pub struct Connection {
    stream: Option<TcpStream>,
    /// Its ports, the program's first.
    pub ports: (u16, u16),
    /// What the program wrote to it, as far as the director knows.
    pub written: Runs,
    /// What has been read.
    pub received: Runs,
    /// How it ended.
    pub end: End,
    /// Whether the program has half-closed it.
    pub is_shut: bool,
    /// Whether the last word of the program on lingering asks for a reset.
    pub wants_reset: bool,
    /// Whether it ever was in a message.
    pub was_passed: bool,
    sent: usize,
    has_sent_fin: bool,
    /// A write has taken the error that a read would have got.
    was_refused: bool,
}

impl Connection {
    /// A connection that has just been made.
    pub fn new(stream: TcpStream) -> Self {
        stream.set_nonblocking(true).expect("a socket");
        let port = |address: std::io::Result<std::net::SocketAddr>| address.map_or(0, |address| address.port());
        Self {
            ports: (port(stream.peer_addr()), port(stream.local_addr())),
            stream: Some(stream),
            written: Runs::default(),
            received: Runs::default(),
            end: End::Open,
            is_shut: false,
            wants_reset: false,
            was_passed: false,
            sent: 0,
            has_sent_fin: false,
            was_refused: false,
        }
    }

    /// Reads up to `most` bytes of what is there.
    pub fn read(&mut self, mut most: usize) {
        let Some(stream) = &mut self.stream else { return };
        let mut block = [0; 64 << 10];
        while most > 0 && self.end == End::Open {
            let room = most.min(block.len());
            match stream.read(&mut block[..room]) {
                Ok(0) => self.end = if self.was_refused { End::Reset } else { End::Eof },
                Ok(count) => {
                    self.received.take(&block[..count]);
                    most -= count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => self.end = End::Reset,
            }
        }
    }

    /// Sends, and waits until it has arrived where the socket is open.
    pub fn send(&mut self, count: usize) {
        let Some(stream) = &mut self.stream else { return };
        if self.sent + count <= MOST_SENT && !self.has_sent_fin {
            self.sent += count;
            self.was_refused |= stream.write(&vec![b'x'; count]).is_err();
            becomes_true(|| is_acknowledged(stream));
            // Whether the FIN was read before or after is chance.
            if self.was_refused && self.end == End::Eof && self.received.is_empty() {
                self.end = End::Reset;
            }
        }
    }

    /// Sends our FIN, and waits until it has arrived.
    pub fn fin(&mut self) {
        if let Some(stream) = &self.stream
            && !std::mem::replace(&mut self.has_sent_fin, true)
        {
            let _ = stream.shutdown(Shutdown::Write);
            becomes_true(|| state(stream) != FIN_WAIT1);
        }
    }

    /// Answers the program's FIN, if it was the end of the connection. Before the end only
    /// where something was said: nobody waits for an answer to less, and what is still to be
    /// sent is refused in both runs.
    pub fn answer(&mut self, at_the_end: bool) {
        let is_awaited = at_the_end || (!self.is_shut && !self.received.is_empty());
        if self.end == End::Eof && is_awaited && !self.has_sent_fin {
            self.fin();
        }
    }

    /// Closes: when it has read what there is, or with a reset.
    pub fn close(&mut self, with_reset: bool) {
        self.look();
        let Some(stream) = self.stream.take() else { return };
        if with_reset {
            let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
        if self.end == End::Open {
            self.end = End::Closed;
        }
    }

    /// How it looks now: reads what was written, and sees whether that was all.
    pub fn look(&mut self) -> End {
        self.read(usize::MAX);
        match &self.stream {
            Some(stream) if self.end == End::Open && state(stream) == CLOSE => End::Reset,
            _ => self.end,
        }
    }
}

const FIN_WAIT1: u8 = 4;
const CLOSE: u8 = 7;

/// `tcpi_state`.
fn state(stream: &TcpStream) -> u8 {
    let mut info = [0_u8; 256];
    let mut length = info.len() as libc::socklen_t;
    // SAFETY: a buffer of that length.
    unsafe {
        libc::getsockopt(
            stream.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_INFO,
            info.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    info[0]
}

fn is_acknowledged(stream: &TcpStream) -> bool {
    let mut left: libc::c_int = 0;
    // SAFETY: SIOCOUTQ, which has the number of TIOCOUTQ, writes one int.
    unsafe { libc::ioctl(stream.as_raw_fd(), libc::TIOCOUTQ, &raw mut left) };
    left == 0 || state(stream) == CLOSE
}

fn becomes_true(condition: impl Fn() -> bool) {
    let until = Instant::now() + SOON;
    while !condition() && Instant::now() < until {
        std::thread::sleep(Duration::from_micros(200));
    }
}

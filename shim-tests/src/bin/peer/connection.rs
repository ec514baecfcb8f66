//! One connection: how it is made, and what was sent and received on it.

use crate::plan::Plan;
use shim_tests::pattern;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv6Addr, Shutdown, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const BLOCK: usize = 64 << 10;

pub struct Connection {
    stream: TcpStream,
    until: Instant,
    sent: AtomicUsize,
    upload: Mutex<&'static str>,
    reading: Mutex<Reading>,
}

struct Reading {
    received: usize,
    end: &'static str,
    content: &'static str,
}

impl Connection {
    pub fn new(stream: TcpStream, patience: Duration) -> Self {
        let reading = Reading { received: 0, end: "unread", content: "good" };
        Self {
            stream,
            until: Instant::now() + patience,
            sent: AtomicUsize::new(0),
            upload: Mutex::new("done"),
            reading: Mutex::new(reading),
        }
    }

    pub fn report(&self) -> String {
        let reading = self.reading.lock().expect("no panic holds the reading");
        let upload = self.upload.lock().expect("no panic holds the upload");
        let Reading { received, end, content } = *reading;
        let sent = self.sent.load(Ordering::Relaxed);
        format!("report received={received} end={end} sent={sent} upload={upload} content={content}")
    }

    /// Sends all of `bytes`, or notes why not. A later step still reads what has arrived, as a
    /// client does that finds its answer early.
    pub fn send(&self, mut bytes: &[u8]) {
        while !bytes.is_empty() && self.can_send() {
            let _ = self.stream.set_write_timeout(Some(self.left()));
            match (&self.stream).write(bytes) {
                Ok(count) => {
                    self.sent.fetch_add(count, Ordering::Relaxed);
                    bytes = &bytes[count..];
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => self.sending_ended(&error),
            }
        }
    }

    /// Sends filler. Nobody looks at its content.
    pub fn upload(&self, mut bytes: usize) {
        let block = [b'x'; BLOCK];
        while bytes > 0 && self.can_send() {
            let count = bytes.min(BLOCK);
            self.send(&block[..count]);
            bytes -= count;
        }
    }

    /// Sends one byte every `pause`, until a write fails.
    pub fn drip(&self, pause: Duration) {
        while self.can_send() {
            self.send(b"x");
            std::thread::sleep(pause);
        }
    }

    /// Reads up to `bytes` bytes, or to the end.
    pub fn read(&self, mut bytes: usize) {
        let mut reading = self.reading.lock().expect("no panic holds the reading");
        let mut block = [0; BLOCK];
        while bytes > 0 && reading.end == "unread" {
            let _ = self.stream.set_read_timeout(Some(self.left()));
            match (&self.stream).read(&mut block[..bytes.min(BLOCK)]) {
                Ok(0) => reading.end = "eof",
                Ok(count) => {
                    reading.take(&block[..count]);
                    bytes -= count;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => reading.end = if is_timeout(&error) { "timeout" } else { "reset" },
            }
        }
    }

    /// Reads to the end, a little every `pause`.
    pub fn read_slowly(&self, pause: Duration) {
        const A_LITTLE: usize = 8 << 10;
        while self.reading.lock().expect("no panic holds the reading").end == "unread" {
            self.read(A_LITTLE);
            std::thread::sleep(pause);
        }
    }

    /// Reads to the empty line after the head of an HTTP response, none of which
    /// counts as received.
    pub fn read_head(&self) {
        let mut reading = self.reading.lock().expect("no panic holds the reading");
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            let _ = self.stream.set_read_timeout(Some(self.left()));
            match (&self.stream).read(&mut byte) {
                Ok(0) => return reading.end = "eof",
                Ok(_) => head.push(byte[0]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return reading.end = if is_timeout(&error) { "timeout" } else { "reset" },
            }
        }
    }

    pub fn fin(&self) {
        let _ = self.stream.shutdown(Shutdown::Write);
    }

    fn can_send(&self) -> bool {
        *self.upload.lock().expect("no panic holds the upload") == "done"
    }

    fn sending_ended(&self, error: &io::Error) {
        *self.upload.lock().expect("no panic holds the upload") = if is_timeout(error) { "timeout" } else { "refused" };
    }

    /// The time that is left, but never zero: a timeout of zero would mean "for ever".
    fn left(&self) -> Duration {
        self.until.saturating_duration_since(Instant::now()).max(Duration::from_millis(1))
    }
}

impl Reading {
    fn take(&mut self, bytes: &[u8]) {
        if pattern::first_wrong(self.received, bytes).is_some() {
            self.content = "bad";
        }
        self.received += bytes.len();
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}

pub fn connect(plan: &Plan) -> TcpStream {
    let socket = socket(plan);
    address(plan, plan.port, |address, length| {
        // SAFETY: `address` is valid for `length` bytes.
        let answer = unsafe { libc::connect(socket.as_raw_fd(), address, length) };
        assert_eq!(answer, 0, "connect to {}: {}", plan.port, io::Error::last_os_error());
    });
    TcpStream::from(socket)
}

pub fn listen(plan: &Plan) -> TcpListener {
    let socket = socket(plan);
    address(plan, 0, |address, length| {
        // SAFETY: `address` is valid for `length` bytes.
        let answer = unsafe { libc::bind(socket.as_raw_fd(), address, length) };
        assert_eq!(answer, 0, "bind: {}", io::Error::last_os_error());
    });
    // SAFETY: no memory is passed.
    let answer = unsafe { libc::listen(socket.as_raw_fd(), 64) };
    assert_eq!(answer, 0, "listen: {}", io::Error::last_os_error());
    TcpListener::from(socket)
}

pub fn accept(listener: &TcpListener) -> TcpStream {
    listener.accept().expect("a connection").0
}

pub fn local_port(listener: &TcpListener) -> u16 {
    listener.local_addr().expect("a local address").port()
}

fn socket(plan: &Plan) -> OwnedFd {
    let family = if plan.ipv6 { libc::AF_INET6 } else { libc::AF_INET };
    let protocol = if plan.mptcp { libc::IPPROTO_MPTCP } else { libc::IPPROTO_TCP };
    // SAFETY: no memory is passed; the result is checked and owned at once.
    let fd = unsafe { libc::socket(family, libc::SOCK_STREAM | libc::SOCK_CLOEXEC, protocol) };
    assert!(fd >= 0, "socket: {}", io::Error::last_os_error());
    // SAFETY: a new descriptor that nobody else owns.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    if let Some(bytes) = plan.receive_buffer {
        set_buffer(&socket, libc::SO_RCVBUF, bytes);
    }
    if let Some(bytes) = plan.send_buffer {
        set_buffer(&socket, libc::SO_SNDBUF, bytes);
    }
    socket
}

fn set_buffer(socket: &OwnedFd, option: libc::c_int, bytes: usize) {
    let value = libc::c_int::try_from(bytes).expect("a small buffer");
    let length = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: both options read one int.
    let answer =
        unsafe { libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const value).cast(), length) };
    assert_eq!(answer, 0, "a buffer of {bytes}: {}", io::Error::last_os_error());
}

/// Calls `call` with the address of the plan, or of the IPv6 loopback.
fn address(plan: &Plan, port: u16, call: impl FnOnce(*const libc::sockaddr, libc::socklen_t)) {
    if plan.ipv6 {
        let address = libc::sockaddr_in6 {
            sin6_family: libc::AF_INET6 as libc::sa_family_t,
            sin6_port: port.to_be(),
            sin6_flowinfo: 0,
            sin6_addr: libc::in6_addr { s6_addr: Ipv6Addr::LOCALHOST.octets() },
            sin6_scope_id: 0,
        };
        call((&raw const address).cast(), size_of_val(&address) as libc::socklen_t);
    } else {
        let address = libc::sockaddr_in {
            sin_family: libc::AF_INET as libc::sa_family_t,
            sin_port: port.to_be(),
            sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes(plan.host.octets()) },
            sin_zero: [0; 8],
        };
        call((&raw const address).cast(), size_of_val(&address) as libc::socklen_t);
    }
}

//! One connection: what is written to it and read from it, and whether that went
//! well. Like a plain client it does nothing more after the first call that failed.

use socket2::{Domain, SockAddr, Socket, Type};
use softclose_lab::compat::hear::Hear;
use softclose_lab::compat::mask::Mask;
use softclose_lab::compat::script::{ConversationOutcome, TalkOrder};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

const BLOCK: usize = 64 << 10;

/// The receive buffer of a slow reader.
const SMALL_WINDOW: usize = 16 << 10;
const SMALL_BLOCK: usize = 32 << 10;
const PAUSE: Duration = Duration::from_millis(2);

/// A longer answer is compared by its length and hash, and not shown.
const LONG: usize = 900;

pub struct Conversation {
    stream: Option<TcpStream>,
    slow: bool,
    pause: bool,
    resets: bool,
    buffer: Vec<u8>,
    heard: Vec<Answer>,
    ended: bool,
    failed: bool,
    reset: bool,
    stalled: bool,
}

pub struct Answer(Vec<u8>);

impl Conversation {
    pub fn open(order: &TalkOrder, slow: bool) -> Self {
        let stream = connect(order, slow);
        let mut conversation = Self {
            stream: None,
            slow,
            pause: order.pause,
            resets: order.reset,
            buffer: Vec::new(),
            heard: Vec::new(),
            ended: false,
            failed: false,
            reset: false,
            stalled: false,
        };
        match stream {
            Ok(stream) => conversation.stream = Some(stream),
            Err(error) => conversation.fail(&error),
        }
        conversation
    }

    pub fn say(&mut self, bytes: &[u8]) {
        let Some(mut stream) = self.stream.as_ref().filter(|_| !self.failed) else { return };
        if let Err(error) = stream.write_all(bytes) {
            self.fail(&error);
        }
    }

    /// Sends filler. Nobody looks at its content.
    pub fn upload(&mut self, mut bytes: usize) {
        let block = [b'x'; BLOCK];
        while bytes > 0 && !self.failed {
            let count = bytes.min(BLOCK);
            self.say(&block[..count]);
            bytes -= count;
        }
    }

    pub fn hear(&mut self, hear: &Hear) {
        while !self.failed {
            if let Some(length) = hear.satisfied_by(&self.buffer, self.ended) {
                self.heard.push(Answer(self.buffer.drain(..length).collect()));
                return;
            }
            if self.ended {
                self.failed = true;
            } else {
                self.read();
            }
        }
    }

    fn read(&mut self) {
        let Some(mut stream) = self.stream.as_ref() else { return self.failed = true };
        let mut block = [0; BLOCK];
        let size = if self.slow { SMALL_BLOCK } else { BLOCK };
        match stream.read(&mut block[..size]) {
            Ok(0) => self.ended = true,
            Ok(count) => self.buffer.extend_from_slice(&block[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => self.fail(&error),
        }
        if self.slow {
            std::thread::sleep(PAUSE);
        }
        if self.resets {
            self.reset_now();
        }
        if std::mem::take(&mut self.pause) {
            println!("first");
            let _ = io::stdin().read_line(&mut String::new());
        }
    }

    fn reset_now(&mut self) {
        let stream = self.stream.take().map(Socket::from);
        let _ = stream.as_ref().map(|socket| socket.set_linger(Some(Duration::ZERO)));
        (self.failed, self.reset) = (true, true);
    }

    fn fail(&mut self, error: &io::Error) {
        self.failed = true;
        match error.kind() {
            ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => self.reset = true,
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.stalled = true,
            _ => {}
        }
    }

    /// Sends the FIN and reads to the end, also after a failure. If the peer closed with data
    /// unread, its own kernel would reset the connection.
    pub fn finish(mut self) -> (ConversationOutcome, Vec<Answer>) {
        let full = !self.failed;
        if let Some(stream) = &self.stream {
            let _ = stream.shutdown(Shutdown::Write);
            self.failed = false;
            while !self.ended && !self.failed {
                self.buffer.clear();
                self.read();
            }
        }
        (ConversationOutcome { full, reset: self.reset, stalled: self.stalled }, self.heard)
    }
}

fn connect(order: &TalkOrder, slow: bool) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    if slow {
        socket.set_recv_buffer_size(SMALL_WINDOW)?;
    }
    let patience = Duration::from_millis(order.patience);
    socket.set_read_timeout(Some(patience))?;
    socket.set_write_timeout(Some(patience))?;
    socket.connect(&SockAddr::from(SocketAddr::from((Ipv4Addr::LOCALHOST, order.port))))?;
    Ok(socket.into())
}

impl Answer {
    /// The answer as masked text. The body of a long one is given as its length and hash.
    pub fn masked(&self, mask: &Mask) -> String {
        let head = self.0.windows(4).position(|end| end == b"\r\n\r\n").map_or(0, |at| at + 4);
        let (head, body) = self.0.split_at(head);
        if body.len() < LONG {
            return mask.apply(&String::from_utf8_lossy(&self.0));
        }
        let mut hasher = DefaultHasher::new();
        body.hash(&mut hasher);
        let head = mask.apply(&String::from_utf8_lossy(head));
        format!("{head}<{} bytes, hash {:016x}>", body.len(), hasher.finish())
    }
}

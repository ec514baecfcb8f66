//! The naive client: it writes all of its request, then it reads the answer. It
//! gives up at the first error, as thousands of programs do, and does not look
//! whether an answer had come before that.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

/// The size of the body of each client's request.
pub const BODY: usize = 4 << 20;

/// Less than the demo waits for this process.
const PATIENCE: Duration = Duration::from_secs(20);

/// How it went for one client.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum UploadEnd {
    Answered,
    BrokenPipe,
    Reset,
    /// An end without a whole answer, or none in time.
    Otherwise,
}

impl UploadEnd {
    const WORDS: [(Self, &str); 4] = [
        (Self::Answered, "answered"),
        (Self::BrokenPipe, "broken-pipe"),
        (Self::Reset, "reset"),
        (Self::Otherwise, "otherwise"),
    ];

    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(outcome, _)| *outcome == self).expect("every outcome has a word").1
    }

    /// Parses the word that [`run`] prints.
    pub fn parse(word: &str) -> Self {
        Self::WORDS.iter().find(|(_, candidate)| *candidate == word).expect("a word of run's").0
    }
}

/// The client's process: one upload to `port`, one line about it.
pub fn run(port: u16) {
    let outcome = match ask(port) {
        Ok(answer) if is_whole(&answer) => UploadEnd::Answered,
        Err(error) if error.kind() == ErrorKind::BrokenPipe => UploadEnd::BrokenPipe,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => UploadEnd::Reset,
        _ => UploadEnd::Otherwise,
    };
    println!("outcome {}", outcome.word());
}

fn ask(port: u16) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(stream, "POST /upload HTTP/1.0\r\nHost: localhost\r\nContent-Length: {BODY}\r\n\r\n")?;
    stream.write_all(&vec![b'x'; BODY])?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(answer)
}

/// Whether an answer is as long as its head says.
fn is_whole(answer: &[u8]) -> bool {
    let answer = String::from_utf8_lossy(answer);
    let Some((head, body)) = answer.split_once("\r\n\r\n") else { return false };
    let mut lengths = head.lines().filter_map(|line| line.strip_prefix("Content-Length: "));
    head.starts_with("HTTP/1.") && lengths.next().is_some_and(|length| length.parse() == Ok(body.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_cut_short_is_not_whole() {
        let answer = b"HTTP/1.0 413 Too Large\r\nContent-Length: 3\r\n\r\nno\n";
        assert!(is_whole(answer));
        assert!(!is_whole(&answer[..answer.len() - 1]));
        assert!(!is_whole(&answer[..20]));
        assert!(!is_whole(b""));
    }
}

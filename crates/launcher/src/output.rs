//! Writing to stdout and stderr without a panic: `println!` panics when its reader is gone.

use std::io::{self, ErrorKind, Write};

/// Writes `text` to stdout. A reader that is gone (`softclose --help | head -1`) is no error: it
/// has seen all that it wanted.
pub fn stdout(text: &[u8]) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written,
    }
}

/// Writes one line to stderr. If that fails, there is nowhere left to say so.
pub fn stderr(message: &str) {
    let _ = io::stderr().lock().write_all(format!("{message}\n").as_bytes());
}

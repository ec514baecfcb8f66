//! Writing to stdout and stderr without a panic: `println!` panics when its reader is gone.

use softclose_core::counters::page::printable;
use std::ffi::OsStr;
use std::io::{self, ErrorKind, Write};

/// The name of a file or of a command, made harmless for a terminal: whoever has made a file has chosen its name.
pub fn shown(name: impl AsRef<OsStr>) -> String {
    printable(&name.as_ref().to_string_lossy())
}

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

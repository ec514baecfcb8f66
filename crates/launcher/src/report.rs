//! Output that never panics, which `println!` does when its reader is gone.

use crate::failure::Failure;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// Writes `text` to stdout and answers `status`. A reader that has left
/// (`softclose --help | head -1`) has seen all that it wanted: the status stays.
pub fn stdout(text: &[u8], status: ExitCode) -> Result<ExitCode, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => Ok(status),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(status),
        Err(error) => Err(Failure::own(format_args!("cannot write to stdout: {error}"))),
    }
}

/// Writes one message to stderr. There is nowhere left to complain if it fails.
pub fn stderr(message: &str) {
    let _ = io::stderr().lock().write_all(format!("{message}\n").as_bytes());
}

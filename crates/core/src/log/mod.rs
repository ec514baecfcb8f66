//! The log: one line per event, written from any context and without waiting.
//!
//! A hook may not format, allocate or block. So a line is put together by copying into a fixed
//! buffer. It is written only if that can be done at once; otherwise it is dropped and counted.
//!
//! | file | one idea |
//! |---|---|
//! | [`line`](mod@line) | one line, put together without formatting |
//! | [`note`] | what is kept of a connection for its line |
//! | `target` | where lines go: stderr, a file, syslog |
//!
//! Context: any hook, and the drainer's thread; async-signal-safe, but for [`Log::open`].

pub mod line;
pub mod note;
mod target;

use crate::counters::Counters;
use crate::settings::{LogLevel, Settings};
use crate::sys::Fd;
pub use line::Line;
use target::Target;

/// What is logged, and where to.
pub struct Log {
    level: LogLevel,
    target: Option<Target>,
}

/// Writes a line of text to stderr, if that can be done at once and stderr is no socket: it could be
/// a client of the program.
pub fn complain(line: &str) {
    let _ = Target::stderr().is_some_and(|target| target.write(line.as_bytes()));
}

impl Log {
    /// Opens the log that the settings ask for, or stderr where that fails. Answers the log, and
    /// whether it failed. To be called in the constructor: it allocates.
    pub fn open(settings: &Settings) -> (Self, bool) {
        if settings.log == LogLevel::Off {
            return (Self { level: LogLevel::Off, target: None }, false);
        }
        let is_named = !settings.log_file.is_empty();
        let named = if is_named { Target::named(&settings.log_file) } else { None };
        let fell_back = is_named && named.is_none();
        (Self { level: settings.log, target: named.or_else(Target::stderr) }, fell_back)
    }

    /// Whether events of this level are logged.
    pub fn wants(&self, level: LogLevel) -> bool {
        self.level >= level
    }

    /// Whether events of single connections may be logged.
    pub fn is_talkative(&self) -> bool {
        self.wants(LogLevel::Info)
    }

    /// The descriptor that lines are written to.
    pub fn number(&self) -> Option<Fd> {
        self.target.and_then(Target::number)
    }

    /// The beginning of a line of this level: the program and its pid.
    pub fn line(&self, level: LogLevel) -> Line {
        let mut line = Line::new();
        if let Some(target) = &self.target {
            target.begin(level, &mut line);
        }
        line.text("softclose[").number(u64::from(rustix::process::getpid().as_raw_nonzero().get() as u32)).text("]:");
        line
    }

    /// Writes a line, or drops and counts it.
    pub fn write(&self, line: Line, counters: &Counters) {
        if !self.target.is_some_and(|target| target.write(line.bytes())) {
            counters.log_dropped();
        }
    }
}

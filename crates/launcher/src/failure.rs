//! Why the launcher stopped, and its exit status.
//!
//! The three statuses are those of `env(1)`, `nohup(1)` and `timeout(1)`: scripts that know those
//! know these.

use crate::output;
use std::fmt::Display;
use std::process::ExitCode;

/// An error of the launcher itself: a bad option, a missing library.
pub const OWN: u8 = 125;
/// The command was found, but cannot be executed.
pub const NOT_EXECUTABLE: u8 = 126;
/// The command was not found.
pub const NOT_FOUND: u8 = 127;

/// A message for stderr and the exit status that goes with it.
#[derive(Debug)]
pub struct Failure {
    /// One of [`OWN`], [`NOT_EXECUTABLE`] and [`NOT_FOUND`].
    pub status: u8,
    /// What has happened, without the name of the launcher.
    pub message: String,
}

impl Failure {
    /// An error of the launcher itself.
    pub fn own(message: impl Display) -> Self {
        Self { status: OWN, message: message.to_string() }
    }

    /// Writes the message to stderr, and answers the exit status.
    pub fn report(&self) -> ExitCode {
        output::stderr(&format!("softclose: {}", self.message));
        ExitCode::from(self.status)
    }
}

impl From<lexopt::Error> for Failure {
    fn from(error: lexopt::Error) -> Self {
        Self::own(format_args!("{error}\nTry 'softclose --help'."))
    }
}

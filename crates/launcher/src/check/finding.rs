//! One thing that was found about one file. What the file says of itself (its loader, its interpreter) is made harmless
//! for a terminal: it may be anybody's.

use crate::output::shown;
use softclose_core::counters::page::printable;
use std::fmt;
use std::path::{Path, PathBuf};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// The shim will not be loaded or will not work, or that cannot be told.
    Warning,
    /// The shim will be loaded; the user should know this.
    Note,
}

/// One thing that was found about one file.
#[derive(Debug)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    file: PathBuf,
    text: String,
}

impl Finding {
    /// A reason why the shim will not be loaded or will not work.
    pub fn warning(file: &Path, text: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, file: file.to_owned(), text: printable(&text.into()) }
    }

    /// What was found, without the file.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Something that the user should know.
    pub fn note(file: &Path, text: impl Into<String>) -> Self {
        Self { severity: Severity::Note, file: file.to_owned(), text: printable(&text.into()) }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        write!(f, "{severity}: {}: {}", shown(&self.file), self.text)
    }
}

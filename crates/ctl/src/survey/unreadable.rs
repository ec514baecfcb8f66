//! One stats file that cannot be read.

use crate::printable;
use crate::stats_file::FileId;
use softclose_core::counters::page;
use std::fmt;
use std::path::PathBuf;

/// A stats file that cannot be read. It is shown as its path and the reason.
#[derive(Clone, Debug)]
pub struct Unreadable {
    /// Which file it is.
    pub id: FileId,
    /// Its path.
    pub path: PathBuf,
    /// Why it cannot be read.
    pub why: Why,
    /// Whether a visible process maps it.
    pub is_mapped: bool,
}

/// Why a stats file cannot be read.
#[derive(Clone, Debug)]
pub enum Why {
    /// It cannot be opened: the message about that.
    Access(String),
    /// It was opened, and its content is not what this version of softclose writes.
    Content(page::Unreadable),
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", printable::path(&self.path), self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Access(why) => f.write_str(why),
            Self::Content(why) => write!(f, "{why}"),
        }
    }
}

//! What a page says of its process.
//!
//! Context: pure data; the constructor makes it.

use std::ffi::CString;

/// What the page says of its process. The constructor puts it together.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Whether the counters are to be published at all.
    pub is_published: bool,
    /// The name of the program, as it was called; mostly UTF-8.
    pub program: Vec<u8>,
    /// The settings in force, one `NAME=value` per line; `None`: the defaults.
    pub settings: Option<String>,
    /// The directory that the settings name, if they do.
    pub directory: Option<CString>,
}

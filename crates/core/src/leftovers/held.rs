//! A connection that the drain has held until the process ends.

use crate::bounds::Progress;
use crate::log::note::Note;
use crate::settings::Strategy;
use crate::sys::Fd;
use crate::sys::socket::Role;

/// A connection that was closed before, and that the drain's thread gives up.
pub struct Held<'a> {
    /// The private descriptor; it still is that connection.
    pub fd: Fd,
    /// Which side opened it.
    pub role: Role,
    /// Its strategy.
    pub strategy: Strategy,
    /// Whether the strategy is still to begin the close.
    pub is_open: bool,
    /// How far the drain has come.
    pub progress: Progress,
    /// What log lines say of it.
    pub note: Option<&'a Note>,
}

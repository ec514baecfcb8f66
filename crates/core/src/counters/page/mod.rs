//! The page: the content of a stats file.
//!
//! | file | one idea |
//! |---|---|
//! | [`layout`] | the fields of a page, as a process writes them |
//! | [`reading`] | a page as another process reads it |
//! | `printable` | its text, made harmless for a terminal |

pub mod layout;
mod printable;
pub mod reading;

pub use layout::{CELLS, Cell, LAYOUT, MAGIC, Page, SIZE, Text, Values};
pub use printable::printable;
pub use reading::{Reading, Unreadable};

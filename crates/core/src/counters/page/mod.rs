//! The page: the content of a stats file.
//!
//! | file | one idea |
//! |---|---|
//! | [`layout`] | the fields of a page, as a process writes them |
//! | [`reading`] | a page as another process reads it |

pub mod layout;
pub mod reading;

pub use layout::{CELLS, Cell, LAYOUT, MAGIC, Page, SIZE, Text, Values};
pub use reading::{Reading, Unreadable};

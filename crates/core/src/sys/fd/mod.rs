//! Descriptors: single ones, the table that they are in, and what they are open on.
//!
//! | file | one idea |
//! |---|---|
//! | [`number`] | a descriptor as a number that no drop closes |
//! | [`table`] | the table of descriptors as a whole |
//! | [`descriptors`] | every open number |
//! | [`close_all`] | closing all numbers but a few |
//! | [`limit`] | `RLIMIT_NOFILE`, and numbers above it |
//! | [`file`] | files that the program names |
//! | [`known_directory`] | a directory that is known by its inode |
//! | [`poller`] | epoll |
//!
//! Context: async-signal-safe throughout, but for [`known_directory::KnownDirectory::at`].

pub mod close_all;
pub mod descriptors;
pub mod file;
pub mod known_directory;
pub mod limit;
pub mod number;
pub mod poller;
pub mod table;

pub use number::Fd;
pub use table::{can_close, is_any_flushed, leave_table};

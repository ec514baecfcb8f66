//! Files: the table of descriptors, files that the program names, and epoll.
//!
//! | file | one idea |
//! |---|---|
//! | [`table`] | the table of descriptors as a whole |
//! | [`descriptors`] | every open number |
//! | [`close_all`] | closing all numbers but a few |
//! | [`limit`] | `RLIMIT_NOFILE`, and numbers above it |
//! | [`file`](mod@file) | files that the program names |
//! | [`known_directory`] | a directory that is known by its inode |
//! | [`poller`] | epoll |
//!
//! Context: async-signal-safe throughout, but for [`known_directory::KnownDirectory::at`].

pub mod close_all;
pub mod descriptors;
pub mod file;
pub mod known_directory;
pub mod limit;
pub mod poller;
pub mod table;

//! procfs (proc(5)), read without allocation.
//!
//! | file | one idea |
//! |---|---|
//! | [`dir`] | directories and files of procfs, by descriptor |
//! | [`path`] | short paths, put together in a fixed buffer |
//! | [`stat`] | the line of `/proc/PID/stat` |
//! | [`seccomp`] | whether a process may be under a seccomp filter |
//! | [`namespace`] | which pid namespace procfs shows, and which one we are in |
//! | [`sockets`] | which socket a descriptor of another process is |
//! | [`text`] | numbers in the text of procfs |
//!
//! Context: async-signal-safe. But most functions open a descriptor on a low number for the
//! length of the call, so they are called on the program's own threads only, which cannot
//! notice it. The drainer never calls them: a single-threaded program may count on "the lowest
//! free number" while the drainer runs beside it.

pub mod dir;
pub mod namespace;
pub mod path;
pub mod seccomp;
pub mod sockets;
pub mod stat;
pub mod text;

pub use dir::{Dir, File};
pub use namespace::{is_in_inner_namespace, is_outermost, shows_our_numbers};
pub use path::Path;
pub use seccomp::may_be_filtered;
pub use sockets::holds_at;
pub use stat::Stat;
pub use text::{descriptor, number};

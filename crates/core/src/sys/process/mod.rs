//! This process: its ids and its rights.
//!
//! | file | one idea |
//! |---|---|
//! | [`ids`] | ids of this process, its thread and its parent |
//! | [`rights`] | users, capabilities and limits |
//!
//! Context: async-signal-safe throughout.

pub mod ids;
pub mod rights;

pub use ids::{has_gone, is_parent_outside, open, parent, pid, thread};
pub use rights::{effective_user, file_size_limit, may_filter, users};

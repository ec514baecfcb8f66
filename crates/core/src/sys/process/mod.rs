//! Processes: ids, rights, the control group, and a child on our memory.
//!
//! | file | one idea |
//! |---|---|
//! | [`ids`] | ids of this process, its thread and its parent |
//! | [`rights`] | users, capabilities and limits |
//! | [`control_group`] | whether the control group has room for more processes |
//! | [`vfork`] | a child on our memory that executes another program |
//!
//! Context: async-signal-safe throughout.

pub mod control_group;
pub mod ids;
pub mod rights;
pub mod vfork;

pub use ids::{has_gone, is_parent_outside, open, parent, pid, thread};
pub use rights::{effective_user, file_size_limit, may_filter, users};

//! A child of ours that executes another program, such as `softclose-drain`.
//!
//! | file | one idea |
//! |---|---|
//! | [`control_group`] | whether the control group has room for it |
//! | [`argument_list`] | the arguments of the program |
//! | [`vfork`](mod@vfork) | the child, on our memory until it executes the program |
//!
//! Context: async-signal-safe throughout.

pub mod argument_list;
pub mod control_group;
pub mod vfork;

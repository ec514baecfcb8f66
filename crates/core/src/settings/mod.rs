//! What a user can set, and how it is read.
//!
//! [`knobs::KNOBS`] is the one definition of every setting. The launcher's options, `--help`, the
//! README table and the parser here are made from it or checked against it.
//!
//! | file | one idea |
//! |---|---|
//! | [`knobs`] | the table of settings |
//! | [`parsed`] | all settings, parsed |
//! | `read` | from the environment to the settings, with a warning for every bad value |
//! | [`value`] | parsers for flags, durations, sizes and counts |
//! | [`rules`] | strategies for some connections |
//! | [`condition`] | what a rule asks of a connection |
//! | [`strategy`] | the names of the strategies |
//! | [`role`] | accepted, connected, or both |
//!
//! Context: the constructor and the launcher. Parsing allocates. A hook never parses: it reads the
//! finished [`Settings`], and asks [`Rules`], which allocates nothing.

pub mod condition;
pub mod knobs;
pub mod parsed;
mod read;
pub mod role;
pub mod rules;
pub mod strategy;
pub mod value;

pub use parsed::{DrainBy, LogLevel, Settings};
pub use read::{Origin, Reading, Warning, read};
pub use role::RolePolicy;
pub use rules::Rules;
pub use strategy::Strategy;

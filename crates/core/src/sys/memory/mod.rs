//! Memory: our own, without an allocator, and the program's, without trust in its pointers.
//!
//! | file | one idea |
//! |---|---|
//! | [`zeroed`] | which types may lie in mapped and shared memory |
//! | [`region`] | a table of this process |
//! | [`shared`] | a head and a table that a family of processes shares |
//! | [`segment`] | memory that a program finds again after `exec` |
//! | [`mapped`] | a file mapped as a struct |
//! | [`plain`] | a zeroed slice |
//! | [`birthmark`] | a mark that tells a process from its fork children |
//! | [`probe`] | whether the program's memory can be read, for a few bytes |
//! | [`peek`] | copies of the program's memory |
//!
//! Context: async-signal-safe throughout.

pub mod birthmark;
pub mod mapped;
pub mod peek;
pub mod plain;
pub mod probe;
pub mod region;
pub mod segment;
pub mod shared;
pub mod zeroed;

pub use plain::zeroed_slice;

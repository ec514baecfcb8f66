//! `io_uring`: whether a thread has a ring, and what a ring shares with its program.
//!
//! | file | one idea |
//! |---|---|
//! | [`unseen`] | rings that no hook has seen |
//! | [`ring_memory`] | requests and completions, read in the memory of the ring |
//!
//! Context: async-signal-safe throughout.

pub mod ring_memory;
pub mod unseen;

pub use unseen::{ENTER_REGISTERED, ThreadRings, UnseenRings, is_one};

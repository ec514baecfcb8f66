//! `softclose-drain` finishes the connections of a process that has ended.
//!
//! A process that ends does not wait for its peers: it gives its connections, and nothing else, to
//! this program. The program discards what comes in until the peers are done, or until the exit
//! timeout is over. It has no libc, no heap and no other descriptor, and blocks every signal.
//!
//! | file | one idea |
//! |---|---|
//! | [`machine`] | the system call instruction, which depends on the processor |
//! | [`kernel`] | the system calls that the program makes |
//! | [`task`] | one connection, as an argument of the program |
//! | [`connection`] | one connection that is being finished |
//! | [`finish`] | all connections, within the time that there is |
//!
//! The entry point is `program.rs` beside this crate. It includes these files as a module: so they
//! name each other by `super`. The library of softclose uses [`task`].

#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable)
)]
#![cfg_attr(test, allow(clippy::disallowed_types))]

pub mod connection;
pub mod finish;
pub mod kernel;
pub mod machine;
pub mod task;

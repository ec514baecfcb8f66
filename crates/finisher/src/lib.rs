//! `softclose-drain`: what a process that has ended still owed its peers.
//!
//! A process ends at once; its half-closed connections, and nothing else of it, go to this
//! program, which discards what comes in until the peers are done, within what is left of
//! the exit bound. It has no libc, no heap, no other descriptor, and blocks every signal.
//!
//! | file | one idea |
//! |---|---|
//! | [`machine`] | the system call, and all else that knows the processor |
//! | [`kernel`] | the calls that it takes |
//! | [`task`] | one connection, as an argument of the program |
//! | [`finish`] | waiting for all of them |
//!
//! `program.rs` beside this crate is the entry point, and includes these files as a module:
//! so they name each other by `super`. The library shares [`task`].

#![cfg_attr(not(test), no_std)]
#![cfg_attr(
    not(test),
    deny(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, clippy::unreachable)
)]
#![cfg_attr(test, allow(clippy::disallowed_types))]

pub mod finish;
pub mod kernel;
pub mod machine;
pub mod task;

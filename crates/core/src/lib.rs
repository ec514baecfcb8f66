//! Everything of softclose that needs no symbol.
//!
//! The shim (the root package) exports libc's names and translates. Decisions, counts and the
//! drain are here, where they can be tested and fuzzed without a symbol.
//!
//! From top to bottom, in the order in which a close uses them:
//!
//! | module | one idea |
//! |---|---|
//! | [`engine`] | the steps of a close, and of the end of a process |
//! | [`drain`] | the background thread, and the connections that it holds |
//! | [`inline`] | draining on the calling thread |
//! | [`finisher`] | another program, `softclose-drain`, finishes what is left |
//! | [`leftovers`] | what a process leaves open, finished all at the same time |
//! | [`context`] | settings, counters and log: what all parts use |
//! | [`log`], [`counters`] | what was done, for people and for monitoring |
//! | [`strategy`] | the ways to close a connection |
//! | [`decision`] | what one close becomes |
//! | [`holders`] | which processes hold a connection, and which epoll sets watch it |
//! | [`discard`], [`events`], [`quiet`] | steps of a drain |
//! | [`bounds`] | how long and how much a drain may take |
//! | [`image`] | whether an `exec` will succeed |
//! | [`presence`] | how many threads are in hooks |
//! | [`settings`] | what a user can set |
//! | `sync` | the atomics of the lock-free protocols, or loom's |
//! | [`sys`] | system calls and shared memory: the only unsafe code |

// It runs in other people's production processes: nothing here may panic.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::indexing_slicing,
        clippy::unreachable,
        clippy::todo
    )
)]
// Unsafe code is in `sys` alone.
#![deny(unsafe_code)]
// No type that closes a descriptor through libc's symbol when it is dropped, and no lock that
// waits: see clippy.toml.
#![cfg_attr(test, allow(clippy::disallowed_types))]

pub mod bounds;
pub mod context;
pub mod counters;
pub mod decision;
pub mod discard;
pub mod drain;
pub mod engine;
pub mod events;
pub mod finisher;
pub mod holders;
pub mod image;
pub mod inline;
pub mod leftovers;
pub mod log;
pub mod presence;
pub mod quiet;
pub mod settings;
pub mod strategy;
mod sync;
#[allow(unsafe_code)]
pub mod sys;

pub use rustix::io::Errno;
pub use rustix::process::Pid;

//! Everything of softclose that needs no symbol.
//!
//! The shim (the root package) exports libc's names and translates; the
//! decisions, the bookkeeping and the drain live here, where they can be tested,
//! fuzzed and driven by another injector.
//!
//! | module | one idea |
//! |---|---|
//! | [`settings`] | what a user can set |
//! | [`context`] | settings, counters, log, host: what all parts use |
//! | [`holders`] | who holds a connection, who watches it, who is using it |
//! | [`decision`] | what one close becomes |
//! | [`strategy`] | the ways to say goodbye |
//! | [`bounds`] | how long and how much a drain may take |
//! | [`discard`] | discarding a limited amount |
//! | [`drain`] | the background thread and the sockets it holds |
//! | [`inline`] | draining in place: the inline engine |
//! | [`leftovers`] | what a process leaves open, finished all at the same time |
//! | [`finisher`] | another program finishes it |
//! | [`image`] | whether an `exec` will succeed |
//! | [`presence`] | how many hooks are in the engine |
//! | [`engine`] | all of it behind one door, for the hooks |
//! | `sync` | the atomics of the lock-free protocols, or loom's |
//! | [`sys`] | the unsafe floor |

// It runs in somebody's production process: nothing here may panic.
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
// What is unsafe has a floor of its own.
#![deny(unsafe_code)]
// Nor close a descriptor through libc's symbol, nor wait for a lock.
#![cfg_attr(test, allow(clippy::disallowed_types))]

pub mod bounds;
pub mod context;
pub mod counters;
pub mod decision;
pub mod discard;
pub mod drain;
pub mod engine;
pub mod finisher;
pub mod holders;
pub mod image;
pub mod inline;
pub mod leftovers;
pub mod log;
pub mod presence;
pub mod settings;
pub mod strategy;
mod sync;
#[allow(unsafe_code)]
pub mod sys;

pub use rustix::io::Errno;
pub use rustix::process::Pid;

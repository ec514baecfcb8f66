//! The references to connections that hooks have seen: counts.
//!
//! `shutdown(2)` acts on the connection, not on a descriptor. So softclose may act only where the
//! program closes the last reference to a connection. The ledger counts references, in memory that
//! a process shares with its fork children and with the programs that they execute. Where the
//! counts cannot know, the ledger says so, and `engine/proof.rs` asks the next source.
//!
//! | idea | where |
//! |---|---|
//! | whose ledger it is | [`owner`]: [`Ledger`], [`Owner`] |
//! | what a process knows of itself: the pid test, a table of its descriptor numbers, its children | [`local`] |
//! | a descriptor is made, duplicated, replaced | `connections` |
//! | a descriptor is given up | [`claims`] |
//! | what the family shares | [`memory`] |
//! | a process joins, forks, executes, leaves | [`process`] |
//! | connections in messages, and from outside | [`passing`] |
//! | epoll sets, rings of `io_uring` | `watching`, [`rings`] |
//! | a descriptor made beside a fork | [`leaks`] |
//! | socket options that change how a close ends | `options` |
//! | ways to hold sockets that nobody can follow | `blindness` |
//!
//! Context: hooks of any kind, signal handlers and `vfork` children included. A `vfork` child runs
//! on its parent's memory, and every write there corrupts the parent. So every method that writes
//! to it hangs on [`Owner`].

mod blindness;
pub mod claims;
mod connections;
pub mod leaks;
pub mod local;
pub mod memory;
mod options;
pub mod owner;
pub mod passing;
pub mod process;
pub mod rings;
mod watching;

pub use claims::Claim;
pub use local::creations::Stamp;
pub use local::spawning_threads::{Child, Return};
pub use memory::token::Token;
pub use owner::{Ledger, Owner};
pub use passing::messages::{Departure, Message};
pub use process::execution::{Execution, Executor};
pub use process::ticket::Ticket;
pub use watching::Joined;

// Miri has no sockets.
#[cfg(all(test, not(miri)))]
mod tests;

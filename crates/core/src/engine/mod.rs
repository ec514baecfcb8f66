//! All of softclose behind one door, for the hooks.
//!
//! A close goes this way, from top to bottom:
//!
//! | step | file |
//! |---|---|
//! | the hook calls [`Engine::prepare`] before libc's `close`, and commits after it | [`close`] |
//! | what the close becomes | `verdict` |
//! | whether this is the last reference: counts, the kernel, procfs | `proof` |
//! | the connection leaves the epoll sets that watch it | `sets` |
//! | what is done at once, before the program's own call | `at_once` |
//! | what is held beyond it by the drain | `hold` |
//! | what is drained in a moment around a fork, without a thread | `moment` |
//! | what the calling thread waits for itself | `inline_close` |
//! | what is left as the program made it, and why | `left_alone` |
//!
//! Other ways in which a connection ends use the same verdict: [`exit`], [`exec`], and
//! [`shutdown`] before a close. [`ranges`] is for calls that close a range of numbers.
//!
//! Context: hooks of any kind. Nothing here allocates. These wait, within bounds: the inline
//! engine, the end of the process, `exec`, and a close in a program that has set `SO_LINGER{1,n}`.
//! A close that the counts cannot decide asks the looker, and waits for its answer for 20
//! milliseconds at most. A call for which the drain has to give something up waits for the
//! drain's thread.

mod at_once;
pub mod close;
mod closing;
mod counted;
pub mod exec;
pub mod exit;
pub mod fork;
mod hold;
mod inline_close;
mod leaving;
mod left_alone;
mod moment;
mod objections;
mod prepared;
pub mod proof;
pub mod ranges;
mod sets;
pub mod shutdown;
mod verdict;

pub use prepared::Prepared;

use crate::context::Context;
use crate::drain::Drain;
use crate::holders::ledger::Ledger;
use crate::holders::refs::Refs;
use crate::presence::Presence;
use crate::sys::rehearsal::Rehearsal;
use crate::sys::ring::UnseenRings;

/// One process' softclose.
pub struct Engine {
    /// What all parts use.
    pub context: &'static Context,
    /// Whose socket is it.
    pub ledger: &'static Ledger,
    /// What is held.
    pub drain: Drain,
    /// Whether a drain is possible at all.
    pub rehearsal: Rehearsal,
    /// Rings that no hook has seen.
    pub rings: UnseenRings,
    /// The kernel's own count of references.
    pub refs: Refs,
    /// How many threads are in hooks.
    pub presence: Presence,
}

//! Random programs, run natively and shimmed, and what must be the same.
//!
//! A [`case::Case`] is a list of steps: which actor does what. An actor is a process or a thread of
//! `victims/interpreter.c`, an unmodified program; a director (`src/bin/fuzz_peer.rs`, never
//! shimmed) tells it one act after the other through shared memory, and plays the peer of every
//! connection. They talk without any descriptor, so nothing that a program closes can cut them off
//! from each other.
//!
//! | module | one idea |
//! |---|---|
//! | [`verb`] | what an actor, or the peer, can do |
//! | [`case`] | a program as text |
//! | [`generate`] | random programs that are worth a run |
//! | [`mailboxes`] | the shared memory |
//! | [`process`] | processes of others: their end, their status |
//! | [`connection`] | the peer's end of one connection |
//! | [`direct`] | one run |
//! | [`outcome`] | what a run came to, as text |
//! | [`compare`] | what must be the same, and what may only be better |
//! | [`hunt`] | one program in both runs, and what many came to |
//! | [`shrink`] | the smallest program that fails |

pub mod case;
pub mod compare;
pub mod connection;
pub mod direct;
pub mod generate;
pub mod hunt;
pub mod mailboxes;
pub mod outcome;
pub mod process;
pub mod shrink;
pub mod verb;

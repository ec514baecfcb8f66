//! What one process knows of itself, in its own memory. A fork copies it.
//!
//! | what | file |
//! |---|---|
//! | whose memory it is: the pid test | [`identity`] |
//! | what each descriptor number means | [`table`] |
//! | the calls that make processes | [`creations`], [`spawning_threads`] |
//! | its children | [`children`] |
//! | its user | [`user`] |
//! | its rings of `io_uring` | [`ring_table`], [`requests`] |
//!
//! Context: hooks of any kind; lock-free.

pub mod children;
pub mod creations;
pub mod identity;
pub mod requests;
pub mod ring_table;
pub mod spawning_threads;
pub mod table;
pub mod user;

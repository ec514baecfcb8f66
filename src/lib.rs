//! `libsoftclose.so`: libc's names, and nothing else.
//!
//! | part | what is in it |
//! |---|---|
//! | `hooks` | one file an intercepted call; each only translates |
//! | `start` | the constructor |
//! | `sys` | the floor: libc's own functions, the guard, the end |
//!
//! All logic is in `softclose-core`, which knows no symbol. This crate exports
//! `close` and others like it: nothing of ours may ever link against it.
//!
//! # The rules of a hook
//!
//! It may run in a signal handler, before any constructor, after every
//! destructor, in a `vfork` child on its parent's memory, under a `malloc` that
//! is being initialised, with a cancellation pending. So: no allocation, no lock
//! that waits, no panic, no formatting, no lazy `dlsym`. `sys::guard::Guard` is
//! the only way to the engine, and what writes to memory wants an `Owner`, which
//! only the process whose memory it is can get.

// A hook's contract is that of the call it stands for; its man page has it.
#![allow(clippy::missing_safety_doc)]
#![deny(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::unreachable,
    clippy::todo
)]

mod hooks;
mod start;
mod sys;

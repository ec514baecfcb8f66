//! `libsoftclose.so`: functions under libc's names, which translate and do nothing else.
//!
//! | part | what is in it |
//! |---|---|
//! | `hooks` | one file for each intercepted call, or for a few that are alike |
//! | `start` | the constructor |
//! | `sys` | the unsafe floor: libc's own functions, the guard, the end of the process |
//! | `hot.ld` | which functions the linker puts together |
//!
//! All logic is in `softclose-core`, which exports no symbol. This crate exports `close` and
//! other functions of libc's: no program of softclose may link it.
//!
//! # The rules of a hook
//!
//! A hook may run in a signal handler, before any constructor, after every destructor, in a `vfork`
//! child on its parent's memory, inside a `malloc` that is being initialised, or with a
//! cancellation pending. So it allocates nothing, waits for no lock, does not panic, formats
//! nothing, and never calls `dlsym`. `sys::guard::Guard` is the only way to the engine. What
//! writes to memory needs an `Owner`, which only the process gets whose memory it is.

// The contract of a hook is that of the call; the man page has it.
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

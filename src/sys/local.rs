//! Thread-local variables of this library, at a fixed distance from the thread pointer.
//!
//! For a thread-local variable of Rust's the compiler calls a function of the loader. In a fork child
//! that alone costs two page faults, and some servers make a child for each connection.
//! A library that is loaded at the start of the program may have its variables beside libc's own
//! (the initial-exec model of ELF): then one instruction finds them.
//!
//! Context: any hook in a thread that has libc's storage
//! ([`has_storage`](softclose_core::sys::thread::has_storage)); async-signal-safe.

use super::guard::Inside;
use super::machine::local_storage;
use core::arch::global_asm;
use core::cell::Cell;

/// The variables of one thread; all zeroes in a new one.
#[repr(C)]
pub struct Local {
    /// Where on the stack a guard was made.
    pub inside: Cell<Inside>,
    /// The token of the child of a fork that is under way; 0: it has none.
    pub child: Cell<u32>,
    /// What the drain was like before that fork, as [`Calm::raw`](softclose_core::drain::calm::Calm::raw); 0: it held something.
    pub calm: Cell<u64>,
    /// A fork is under way that hooks follow.
    pub is_forking: Cell<bool>,
    /// The hook of a call that forks will say how it has ended.
    pub is_announced: Cell<bool>,
}

global_asm!(
    ".section .tbss.softclose_local, \"awT\", @nobits",
    ".balign 16",
    ".hidden softclose_local",
    ".globl softclose_local",
    ".type softclose_local, @object",
    ".size softclose_local, {size}",
    "softclose_local:",
    ".zero {size}",
    ".previous",
    size = const size_of::<Local>(),
);

const _: () = assert!(align_of::<Local>() <= 16);

/// The variables of the calling thread.
pub fn local<'a>() -> &'a Local {
    // SAFETY: zeroed memory of that size, which lives as long as the thread; the reference cannot
    // leave the thread, as cells cannot be shared.
    unsafe { &*local_storage() }
}

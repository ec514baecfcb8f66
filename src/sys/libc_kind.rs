//! Which libc the program has. One library serves both: what differs is decided when the program starts.
//!
//! | | glibc | musl |
//! |---|---|---|
//! | our turn at `exit` | a handler of `on_exit`, which gets the status | our destructor, which does not: libc must go on |
//! | handlers around `fork` | `__register_atfork` | `pthread_atfork` |
//! | whether there is one thread | a variable | the list of threads |
//! | lengths in a `msghdr` | 64 bits | 32 bits, and 32 that may be anything |
//! | the signal that no program blocks | 33 | 34 |
//! | a function that ends with `64` | has a symbol | the loader finds it under the shorter name |
//!
//! Context: [`resolve`] the constructor, all else any.

use super::real::{Libraries, Name};
use core::sync::atomic::{AtomicU8, Ordering::Relaxed};

/// A libc in which hooks do more than pass through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Libc {
    /// The GNU C library.
    Glibc = 1,
    /// musl.
    Musl = 2,
}

static KIND: AtomicU8 = AtomicU8::new(0);

/// Finds out which libc it is. `None`: neither.
pub fn resolve(libraries: &Libraries) -> Option<Libc> {
    const GLIBC: Name = Name::new(c"gnu_get_libc_version");
    /// musl has this function for gnulib, and no other libc has it under this name.
    const MUSL: Name = Name::new(c"__freadahead");
    // First musl: a library that makes programs for glibc run there exports glibc's function (gcompat).
    let kind = if !libraries.find(MUSL).is_null() {
        Libc::Musl
    } else if !libraries.find_anywhere(GLIBC).is_null() {
        Libc::Glibc
    } else {
        return None;
    };
    KIND.store(kind as u8, Relaxed);
    Some(kind)
}

/// Whether it is musl.
#[inline]
pub fn is_musl() -> bool {
    KIND.load(Relaxed) == Libc::Musl as u8
}

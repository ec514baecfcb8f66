//! What depends on the processor, in this crate. Each folder has the same items:
//!
//! | item | what it is |
//! |---|---|
//! | `CLOCK_GETTIME` | the name of the function in the vDSO |
//! | `jump_through` | a hook that jumps to libc's function and does not call it |
//! | `SavedRegisters` | the registers that such a hook saves |
//! | `resolve` | looks up what thread-local variables of std's take; called by the constructor |
//! | `local_storage` | the storage of `local` |
//! | `route` | how the hook of `syscall(2)` jumps |
//! | `memory` | `memcpy` and its like, for this library alone: see below |
//!
//! The compiler calls `memcpy` and its like by name where code copies, clears or compares memory. As an
//! imported symbol, such a name leads to whatever is preloaded or linked into the program:
//! ThreadSanitizer and profilers define it, and use thread-local storage. Our own threads have none
//! ([`softclose_core::sys::thread::spawn()`]), and crash there. The names in `memory` stay inside this
//! library: rustc exports no symbol of an assembly block.
//!
//! Context: anywhere; async-signal-safe.

#[cfg(target_arch = "aarch64")]
mod aarch64;
#[cfg(target_arch = "x86_64")]
mod x86_64;

#[cfg(target_arch = "aarch64")]
pub(crate) use aarch64::*;
#[cfg(target_arch = "x86_64")]
pub(crate) use x86_64::*;

//! Which pid namespace procfs shows, and which one this process is in.
//!
//! Context: async-signal-safe.

use super::dir::Dir;
use super::stat::Stat;
use super::text::number;
use crate::sys::process;
use core::mem::MaybeUninit;
use rustix::fs::{CWD, readlinkat_raw};

/// Whether this process is in the first pid namespace, so that no process is outside of it.
/// False where procfs does not tell. It takes no descriptor.
///
/// Source: `PROC_PID_INIT_INO`, the inode of the first pid namespace.
pub fn is_outermost() -> bool {
    let mut buffer = [MaybeUninit::<u8>::uninit(); 40];
    readlinkat_raw(CWD, c"/proc/thread-self/ns/pid", &mut buffer[..])
        .is_ok_and(|(text, _)| *text == *b"pid:[4026531836]")
}

/// Whether this process is known to be in a pid namespace other than the first one. False
/// where procfs does not tell.
pub fn is_in_inner_namespace() -> bool {
    Dir::root().is_ok_and(|root| !is_outermost() && Stat::read(&root, c"thread-self").is_ok())
}

/// Whether procfs shows processes and threads under the ids that the kernel gives out to this
/// process. It does not where the procfs of another pid namespace is mounted. It takes no
/// descriptor.
#[inline(never)]
pub fn shows_our_numbers() -> bool {
    let mut buffer = [MaybeUninit::<u8>::uninit(); 16];
    let me = readlinkat_raw(CWD, c"/proc/self", &mut buffer[..]);
    me.is_ok_and(|(text, _)| {
        number(text) == process::pid().map(|pid| u64::from(pid.as_raw_nonzero().get().unsigned_abs()))
    })
}

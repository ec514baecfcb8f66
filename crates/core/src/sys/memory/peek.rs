//! Copies of the program's memory, at addresses that may be bad.
//!
//! The kernel follows the pointer, so that a bad one is an error and no crash. Unlike
//! [`super::probe`], this finds every byte that can be read, but takes a call
//! (`process_vm_readv`) that a seccomp filter may refuse: then nothing can be read.
//!
//! Context: async-signal-safe.

use crate::sys::process;
use crate::sys::raw::{nr, syscall6};

/// Copies this process' memory from address `at` on into `buffer`. Answers how many bytes could
/// be read.
pub fn own_memory(at: usize, buffer: &mut [u8]) -> usize {
    let Some(me) = process::pid() else { return 0 };
    let me = me.as_raw_nonzero().get() as usize;
    let (there, here) = ([at, buffer.len()], [buffer.as_mut_ptr() as usize, buffer.len()]);
    let args = [me, here.as_ptr() as usize, 1, there.as_ptr() as usize, 1, 0];
    // SAFETY: two `iovec`s; the kernel writes at most `buffer.len()` bytes into `buffer`.
    unsafe { syscall6(nr::PROCESS_VM_READV, args) }.unwrap_or(0)
}

/// Whether the pages of the `len` bytes from address `at` on can be read. It takes a system
/// call for each page, so `len` should be a few pages at most.
pub fn can_be_read(at: usize, len: usize) -> bool {
    const PAGE: usize = 4096;
    (at..at.saturating_add(len)).step_by(PAGE).all(|page| own_memory(page, &mut [0]) == 1)
}

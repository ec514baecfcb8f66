//! `vfork(2)` makes a child that runs on our memory until it executes another program.
//!
//! It returns twice into the same frame, so that no function of ours can call it. The hook notes
//! that a process is being made, and jumps to libc's function. In the child every hook passes
//! through, by the pid test; the hooks of `exec` note what the new program gets.

use super::clone::before_by_number;
use crate::sys::jump::{SavedRegisters, jump_through};
use crate::sys::real;
use core::ffi::c_void;
use libc::{CLONE_VFORK, CLONE_VM};

jump_through! {
    /// `vfork(2)`.
    #[unsafe(no_mangle)]
    pub fn vfork => note
}

extern "C" fn note(_: &SavedRegisters) -> *const c_void {
    before_by_number(CLONE_VM | CLONE_VFORK);
    real::vfork_address()
}

//! `vfork(2)`: the child runs on our memory, and then is another program.
//!
//! It returns twice into the same frame, so no function of ours can be around it:
//! this one notes that a process is being made, and jumps. What the child does
//! until it execs passes through every hook, by the pid test; what it executes another
//! program with is noted by the hooks of `exec`.

use super::clone::before_by_number;
use crate::sys::jump::{Kept, jump_through};
use crate::sys::real;
use core::ffi::c_void;
use libc::{CLONE_VFORK, CLONE_VM};

jump_through! {
    #[unsafe(no_mangle)]
    /// `vfork(2)`.
    pub fn vfork => note
}

extern "C" fn note(_: &Kept) -> *const c_void {
    before_by_number(CLONE_VM | CLONE_VFORK);
    real::vfork_address()
}

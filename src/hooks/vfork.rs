//! `vfork(2)`: the child runs on our memory, and then is another program.
//!
//! It returns twice into the same frame, so no function of ours can be around it:
//! this one notes that a process is being made, and jumps. What the child does
//! until it execs passes through every hook untouched, by the pid test.

use super::popen::note_nameless_child;
use crate::sys::jump::{Kept, jump_through};
use crate::sys::real;
use core::ffi::c_void;

jump_through! {
    #[unsafe(no_mangle)]
    /// `vfork(2)`.
    pub fn vfork => note
}

extern "C" fn note(_: &Kept) -> *const c_void {
    note_nameless_child();
    real::vfork_address()
}

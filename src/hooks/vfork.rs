//! `vfork(2)`: the child runs on our memory, and then is another program.
//!
//! It returns twice into the same frame, so no function of ours can be around it:
//! this one notes that a process is being made, and jumps. What the child does
//! until it execs passes through every hook untouched, by the pid test.

use super::popen::note_nameless_child;
use crate::sys::real;
use core::arch::naked_asm;
use core::ffi::c_void;

#[unsafe(no_mangle)]
#[unsafe(naked)]
/// `vfork(2)`.
pub unsafe extern "C" fn vfork() -> libc::pid_t {
    naked_asm!(
        "sub rsp, 8",
        "call {note}",
        "add rsp, 8",
        "jmp rax",
        note = sym note,
    )
}

/// Answers where libc's own is.
extern "C" fn note() -> *mut c_void {
    note_nameless_child();
    let at = real::vfork_address();
    if at.is_null() { fork_instead as *mut c_void } else { at }
}

/// A libc without `vfork` is none that this shim was built for; but a jump needs
/// somewhere to go.
extern "C" fn fork_instead() -> libc::c_int {
    crate::sys::errno::fail(libc::ENOSYS)
}

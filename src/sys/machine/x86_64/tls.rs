//! Thread-local variables, without naming the loader as a library that is needed.
//!
//! For a thread-local variable the compiler calls `__tls_get_addr`, a function of the loader. The
//! linker would then name `ld-linux-x86-64.so.2` as needed. A program for musl has another loader:
//! with such a library in `LD_PRELOAD` it would not start. So this file defines the function, and
//! jumps to that of whatever loader there is.
//!
//! The symbol is hidden: the program goes on using the loader's.
//!
//! Context: any. Registers and stack are passed on as they were found.

use super::{SavedRegisters, jump_through};
use crate::sys::real::{Libraries, Name};
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

static GET_ADDRESS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// Looks up the loader's function. Called by the constructor, so that no signal handler has to.
pub fn resolve(libraries: &Libraries) {
    GET_ADDRESS.store(libraries.find_anywhere(const { Name::new(c"__tls_get_addr") }), Ordering::Release);
}

jump_through! { fn unresolved => address }

extern "C" fn address(_: &SavedRegisters) -> *const c_void {
    // SAFETY: a constant, terminated name. Every loader has it.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__tls_get_addr".as_ptr()) };
    GET_ADDRESS.store(found, Ordering::Release);
    found
}

core::arch::global_asm!(
    ".globl __tls_get_addr",
    ".hidden __tls_get_addr",
    ".type __tls_get_addr, @function",
    "__tls_get_addr:",
    "mov rax, [rip + {resolved}]",
    "test rax, rax",
    "jz {unresolved}",
    "jmp rax",
    resolved = sym GET_ADDRESS,
    unresolved = sym unresolved,
);

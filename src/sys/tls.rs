//! Thread-local variables, without asking for the loader by name.
//!
//! What the compiler makes of one is a call of `__tls_get_addr`, which is the loader's own
//! function: the library would name `ld-linux-x86-64.so.2` as one that it needs. A program
//! for musl has another loader, and would not start with us in its environment.
//!
//! A hidden symbol: the program keeps its own.
//!
//! Context: any. Registers and stack are passed on as they were found.

use super::jump::{SavedRegisters, jump_through};
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

static GET_ADDRESS: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// So that nobody has to look for it in a signal handler. Called by the constructor.
pub fn resolve() {
    // SAFETY: a constant, terminated name. Every loader has it.
    let found = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__tls_get_addr".as_ptr()) };
    GET_ADDRESS.store(found, Ordering::Release);
}

jump_through! { fn unresolved => address }

extern "C" fn address(_: &SavedRegisters) -> *const c_void {
    resolve();
    GET_ADDRESS.load(Ordering::Acquire)
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

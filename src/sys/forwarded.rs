//! Functions that the standard library names, and that no program needs at its start.
//!
//! The loader looks up each function that a library names, at every start of a program, for a
//! microsecond or half of one. The standard library names two dozen for its panics, and for what the
//! constructor does only where a setting is there to be read. Here they are looked up when they are
//! called: by the constructor, or by a panic, which ends the process.
//!
//! The unwinder is not even loaded before. Frames of ours unwind in two cases only: a panic in the
//! constructor, and a cancellation of the thread. For a cancellation libc has loaded libgcc_s itself, and
//! that copy must be used: a second unwinder would not understand its contexts.
//!
//! Those that only code names which is left out are here as well: GNU ld would have the loader load the unwinder for
//! them. Then nothing of ours runs in a program for musl where there is no libgcc_s.
//!
//! The symbols are hidden: otherwise they would replace the program's own.
//!
//! Context: the constructor, and a thread that unwinds.

use super::jump::{SavedRegisters, jump_through};
use super::real::{Name, name_of};
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};

macro_rules! forward {
    ($find:ident: $($name:ident)*) => { $(
        #[allow(non_snake_case)]
        mod $name {
            use super::*;

            static FOUND: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

            jump_through! { fn forward => address }

            extern "C" fn address(_: &SavedRegisters) -> *const c_void {
                if FOUND.load(Relaxed).is_null() {
                    FOUND.store($find(name_of!($name)), Relaxed);
                }
                FOUND.load(Relaxed)
            }

            core::arch::global_asm!(
                concat!(".globl ", stringify!($name)),
                concat!(".hidden ", stringify!($name)),
                concat!(".type ", stringify!($name), ", @function"),
                concat!(".set ", stringify!($name), ", {forward}"),
                forward = sym forward,
            );
        }
    )* };
}

forward! {
    in_unwinder:
    _Unwind_Backtrace
    _Unwind_DeleteException
    _Unwind_FindEnclosingFunction
    _Unwind_GetCFA
    _Unwind_GetDataRelBase
    _Unwind_GetIP
    _Unwind_GetIPInfo
    _Unwind_GetLanguageSpecificData
    _Unwind_GetRegionStart
    _Unwind_GetTextRelBase
    _Unwind_RaiseException
    _Unwind_Resume
    _Unwind_SetGR
    _Unwind_SetIP
}

forward! {
    in_program:
    __xpg_strerror_r
    calloc
    clock_gettime
    free
    fstat64
    getcwd
    getenv
    lseek64
    malloc
    mmap64
    munmap
    posix_memalign
    read
    readlink
    realloc
    realpath
    sched_yield
    stat64
    write
}

fn in_unwinder(name: Name) -> *mut c_void {
    // SAFETY: constant, terminated names.
    let found = unsafe {
        let unwinder = libc::dlopen(c"libgcc_s.so.1".as_ptr(), libc::RTLD_NOW | libc::RTLD_NODELETE);
        if unwinder.is_null() { unwinder } else { libc::dlsym(unwinder, name.text()) }
    };
    or_end(found)
}

fn in_program(name: Name) -> *mut c_void {
    // SAFETY: a constant, terminated name.
    or_end(unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.text()) })
}

/// Ends the process where there is no such function.
fn or_end(found: *mut c_void) -> *mut c_void {
    if found.is_null() {
        // SAFETY: ends the process.
        unsafe { libc::abort() }
    }
    found
}

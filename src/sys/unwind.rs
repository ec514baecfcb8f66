//! The functions of the unwinder, which are looked up when something unwinds.
//!
//! The standard library names these functions. For that the loader would load libgcc_s into every
//! program, which is a fifth of what a start costs. Frames of ours unwind in two cases only: a panic
//! in the constructor, which ends the process, and a cancellation of the thread. For a cancellation
//! libc has loaded libgcc_s itself, and that copy must be used: a second unwinder would not
//! understand its contexts.
//!
//! The symbols are hidden: otherwise they would replace the program's unwinder.
//!
//! Context: a thread that unwinds.

use super::jump::{SavedRegisters, jump_through};
use core::ffi::{CStr, c_void};

macro_rules! forward {
    ($($name:ident)*) => { $(
        #[allow(non_snake_case)]
        mod $name {
            use super::*;

            jump_through! { fn forward => address }

            extern "C" fn address(_: &SavedRegisters) -> *const c_void {
                const NAME: &str = concat!(stringify!($name), "\0");
                CStr::from_bytes_until_nul(NAME.as_bytes()).map_or(core::ptr::null(), find)
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
    _Unwind_Backtrace
    _Unwind_DeleteException
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

/// Looks up a function of the unwinder. Ends the process where there is none.
fn find(name: &CStr) -> *const c_void {
    // SAFETY: constant, terminated names.
    let found = unsafe {
        let unwinder = libc::dlopen(c"libgcc_s.so.1".as_ptr(), libc::RTLD_NOW | libc::RTLD_NODELETE);
        if unwinder.is_null() { unwinder } else { libc::dlsym(unwinder, name.as_ptr()) }
    };
    if found.is_null() {
        // SAFETY: ends the process.
        unsafe { libc::abort() }
    }
    found
}

//! The unwinder's functions, found when something unwinds.
//!
//! The standard library names them, and would have libgcc_s loaded into every program for
//! that: a fifth of what a start costs. Nothing of ours unwinds but a panic in the
//! constructor, which ends the process, and a thread that is cancelled in a frame of ours;
//! then libc has loaded libgcc_s for itself, and this is the one to use: a second unwinder
//! would not understand its contexts.
//!
//! Hidden symbols: to define them for the program would replace its unwinder.
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

/// Where there is no unwinder nothing can go on.
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

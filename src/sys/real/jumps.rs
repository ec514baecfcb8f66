//! Where libc's functions are that are jumped to and not called.

use super::libraries::Libraries;
use super::symbol::Symbol;
use crate::sys::errno;
use core::ffi::c_void;
use libc::c_int;

/// `syscall(2)`. Its hook reads the pointer by the address of this symbol.
pub static SYSCALL: Symbol = Symbol::new(c"syscall");
static VFORK: Symbol = Symbol::new(c"vfork");
static CLOSESOCKET: Symbol = Symbol::new(c"closesocket");

/// Looks all of them up.
pub(super) fn resolve(libraries: &Libraries) {
    [&SYSCALL, &VFORK, &CLOSESOCKET].into_iter().for_each(|symbol| symbol.resolve(libraries));
}

/// Where `syscall(2)` is.
pub fn syscall_address() -> *const c_void {
    address_of(&SYSCALL)
}

/// Where `vfork(2)` is.
pub fn vfork_address() -> *const c_void {
    address_of(&VFORK)
}

/// Where the `closesocket` of a porting library is, if the program has one.
pub fn closesocket_address() -> Option<*const c_void> {
    CLOSESOCKET.get().map(<*mut c_void>::cast_const)
}

/// Where a function is, or one that fails where libc has none.
pub(super) fn address_of(symbol: &Symbol) -> *const c_void {
    symbol.needed().map_or(missing_address(), <*mut c_void>::cast_const)
}

/// A function that fails with `ENOSYS`: a jump must lead somewhere.
pub(super) fn missing_address() -> *const c_void {
    missing as *const c_void
}

extern "C" fn missing() -> c_int {
    errno::fail(libc::ENOSYS)
}

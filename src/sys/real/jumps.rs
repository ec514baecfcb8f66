//! Where libc's functions are that are jumped to and not called.

use super::libraries::{Libraries, Name};
use super::symbol::{Symbol, name_of, symbols};
use crate::sys::errno;
use core::ffi::c_void;
use libc::c_int;

/// `syscall(2)`. Its hook reads the pointer by the address of this symbol.
pub static SYSCALL: Symbol = Symbol::new();

symbols! { symbols: vfork closesocket }

/// Visits all of them.
pub(super) fn each(visit: fn(&'static Symbol, Name)) {
    visit(&SYSCALL, name_of!(syscall));
    symbols::each(visit);
}

/// Looks up `closesocket`, which is not libc's, where any library has it. Called by the constructor.
pub(super) fn resolve(libraries: &Libraries) {
    const NAME: Name = name_of!(closesocket);
    if libraries.is_anywhere(NAME) {
        symbols::closesocket.ask(NAME);
    }
}

/// Where `syscall(2)` is.
pub fn syscall_address() -> *const c_void {
    address_of(&SYSCALL, name_of!(syscall))
}

/// Where `vfork(2)` is.
pub fn vfork_address() -> *const c_void {
    address_of(&symbols::vfork, name_of!(vfork))
}

/// Where the `closesocket` of a porting library is, if the program has one.
pub fn closesocket_address() -> Option<*const c_void> {
    symbols::closesocket.get(name_of!(closesocket)).map(<*mut c_void>::cast_const)
}

/// Where a function is, or one that fails where libc has none.
pub(super) fn address_of(symbol: &Symbol, name: Name) -> *const c_void {
    address_or(symbol, name, missing_address())
}

/// Where a function is, or what is `missing` where libc has none.
pub(super) fn address_or(symbol: &Symbol, name: Name, missing: *const c_void) -> *const c_void {
    symbol.needed(name).map_or(missing, <*mut c_void>::cast_const)
}

/// A function that fails with `ENOSYS`: a jump must lead somewhere.
pub(super) fn missing_address() -> *const c_void {
    missing as *const c_void
}

extern "C" fn missing() -> c_int {
    errno::fail(libc::ENOSYS)
}

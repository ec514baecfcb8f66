//! Handlers that libc calls for us.

use super::libraries::Name;
use super::symbol::{Symbol, name_of, symbols};
use core::ffi::c_void;
use libc::c_int;

symbols! { symbols: __register_atfork __cxa_at_quick_exit pthread_atfork at_quick_exit }

/// Visits all of them.
pub(super) fn each(visit: fn(&'static Symbol, Name)) {
    symbols::each(visit);
}

/// Its address tells libc which library has registered a handler (C++ ABI 3.3.5): `__dso_handle`, which the
/// C runtime would define.
static OWN_HANDLE: u8 = 0;

fn own_handle() -> *mut c_void {
    (&raw const OWN_HANDLE).cast_mut().cast()
}

/// What `pthread_atfork(3)` of glibc calls, which is linked statically in its older versions; musl has only
/// `pthread_atfork`.
///
/// # Safety
/// The handlers live as long as the process.
pub unsafe fn register_atfork(
    prepare: extern "C-unwind" fn(),
    parent: extern "C-unwind" fn(),
    child: extern "C-unwind" fn(),
) {
    type Handler = extern "C-unwind" fn();
    type Function = unsafe extern "C" fn(Handler, Handler, Handler, *mut c_void) -> c_int;
    let at = symbols::__register_atfork.get(name_of!(__register_atfork));
    if let Some(at) = at.or_else(|| symbols::pthread_atfork.get(name_of!(pthread_atfork))) {
        // SAFETY: the pointer is that function's; `pthread_atfork` takes the first three arguments.
        unsafe { core::mem::transmute::<*mut c_void, Function>(at)(prepare, parent, child, own_handle()) };
    }
}

/// A handler of `at_quick_exit`. No header says so, but glibc gives it what it gives those of `__cxa_atexit`: an
/// argument, and the status (`__run_exit_handlers` in its `stdlib/exit.c`). musl gives it nothing.
pub type ExitHandler = extern "C" fn(*mut c_void, c_int);

/// What `at_quick_exit(3)` of glibc calls, which is linked statically there; musl has only `at_quick_exit`.
///
/// # Safety
/// The handler lives as long as the process.
pub unsafe fn at_quick_exit(handler: ExitHandler) {
    type Function = unsafe extern "C" fn(ExitHandler, *mut c_void) -> c_int;
    let at = symbols::__cxa_at_quick_exit.get(name_of!(__cxa_at_quick_exit));
    if let Some(at) = at.or_else(|| symbols::at_quick_exit.get(name_of!(at_quick_exit))) {
        // SAFETY: the pointer is that function's; `at_quick_exit` takes the first argument.
        unsafe { core::mem::transmute::<*mut c_void, Function>(at)(handler, own_handle()) };
    }
}

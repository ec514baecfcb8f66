//! `_exit(2)` and `_Exit(3)` end the process without running handlers. Before the call, open
//! connections are finished or handed over.
//!
//! `exit` and a return from `main` run a handler of `on_exit` instead, and `quick_exit` one of
//! `at_quick_exit`; see [`crate::sys::leave`].

use crate::sys::leave::{end, leave};
use crate::sys::real;
use libc::c_int;
use softclose_core::engine::exit::Exit;

/// `_exit(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn _exit(status: c_int) -> ! {
    leave(Exit::AtOnce(Some(status)));
    // SAFETY: the program's own call.
    unsafe { real::exit_at_once(status) };
    end(status)
}

/// `_Exit(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn _Exit(status: c_int) -> ! {
    leave(Exit::AtOnce(Some(status)));
    // SAFETY: the program's own call.
    unsafe { real::exit_at_once_by_c(status) };
    end(status)
}

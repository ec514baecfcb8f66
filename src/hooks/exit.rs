//! `_exit(2)` and `_Exit(3)` end the process without running handlers. Before the call, open
//! connections are finished or handed over.
//!
//! `exit` and a return from `main` run a handler of `on_exit` instead, and `quick_exit` one of
//! `at_quick_exit`; see [`crate::sys::leave`].

use crate::sys::leave::{end, leave};
use crate::sys::real::is_ready;
use libc::c_int;
use softclose_core::engine::exit::Exit;

redhook::hook! {
    unsafe fn _exit(status: c_int) -> ! => my_exit {
        leave(Exit::AtOnce(status));
        if is_ready() {
            // SAFETY: the program's own call.
            unsafe { redhook::real!(_exit)(status) }
        }
        end(status)
    }
}

redhook::hook! {
    unsafe fn _Exit(status: c_int) -> ! => my_big_exit {
        leave(Exit::AtOnce(status));
        if is_ready() {
            // SAFETY: the program's own call.
            unsafe { redhook::real!(_Exit)(status) }
        }
        end(status)
    }
}

/// Has redhook look up their functions in libc.
pub fn touch() {
    let _ = redhook::real!(_exit);
    let _ = redhook::real!(_Exit);
}

//! `_exit(2)` and `_Exit(3)`: the end of the process without handlers.
//!
//! `exit` and a return from `main` end in the destructor, `quick_exit` in a
//! handler of ours; see [`crate::sys::start`].

use crate::sys::real::is_ready;
use crate::sys::start::leave;
use libc::c_int;
use softclose_core::engine::exit::Exit;
use softclose_core::sys::raw::nr;

redhook::hook! {
    unsafe fn _exit(status: c_int) -> ! => my_exit {
        leave(Exit::AtOnce);
        if is_ready() {
            // SAFETY: the program's own call.
            unsafe { redhook::real!(_exit)(status) }
        }
        exit_group(status)
    }
}

redhook::hook! {
    unsafe fn _Exit(status: c_int) -> ! => my_big_exit {
        leave(Exit::AtOnce);
        if is_ready() {
            // SAFETY: the program's own call.
            unsafe { redhook::real!(_Exit)(status) }
        }
        exit_group(status)
    }
}

/// Has redhook resolve them.
pub fn touch() {
    let _ = redhook::real!(_exit);
    let _ = redhook::real!(_Exit);
}

fn exit_group(status: c_int) -> ! {
    loop {
        // SAFETY: ends the process.
        let _ = unsafe { crate::sys::errno::call(nr::EXIT_GROUP, [status as usize, 0, 0, 0, 0, 0]) };
    }
}

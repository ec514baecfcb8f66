//! `setsockopt(2)` sets an option, and the hook changes nothing about it. Before the call, it notes
//! that a process of the family sets an option which matters at the close. A close need not ask
//! for options that none has ever set.

use crate::sys::guard::ENGINE;
use crate::sys::real;
use core::ffi::{c_int, c_void};
use libc::socklen_t;
use softclose_core::sys::socket;

/// `setsockopt(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: socklen_t,
) -> c_int {
    // Before the call, as another thread may close the socket right after it. Also where hooks
    // pass through because of a filter: it is one store, and the parent may close the connection.
    if socket::changes_the_end(level, name)
        && let Some(engine) = ENGINE.get()
    {
        engine.ledger.set_options();
    }
    // SAFETY: the program's own call.
    unsafe { real::setsockopt(fd, level, name, value, len) }
}

//! `setsockopt(2)`: nothing is changed; but a close need not ask for what nobody in the
//! family has ever set.

use crate::sys::guard::ENGINE;
use crate::sys::real;
use core::ffi::{c_int, c_void};
use libc::socklen_t;
use softclose_core::sys::socket;

#[unsafe(no_mangle)]
/// `setsockopt(2)`.
pub unsafe extern "C-unwind" fn setsockopt(
    fd: c_int,
    level: c_int,
    name: c_int,
    value: *const c_void,
    len: socklen_t,
) -> c_int {
    // Before the call: another thread may close the socket right after it. Also where hooks
    // pass through for a filter: it is one store, and the parent may close the connection.
    if socket::changes_the_end(level, name)
        && let Some(engine) = ENGINE.get()
    {
        engine.ledger.set_options();
    }
    // SAFETY: the program's own call.
    unsafe { real::setsockopt(fd, level, name, value, len) }
}

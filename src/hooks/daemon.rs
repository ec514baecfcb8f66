//! `daemon(3)` forks inside libc, ends the parent, and returns in the child. The handlers of
//! [`crate::sys::atfork`] count the child, as for [`super::fork`]. In the parent it returns only
//! where the fork has failed; then the hook says that there is no child.

use crate::sys::{atfork, real};
use core::ffi::c_int;

/// `daemon(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn daemon(no_chdir: c_int, no_close: c_int) -> c_int {
    atfork::announce();
    // SAFETY: the program's own call.
    let result = unsafe { real::daemon(no_chdir, no_close) };
    if result != 0 {
        atfork::fork_returned(result);
    }
    result
}

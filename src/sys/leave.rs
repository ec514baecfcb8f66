//! The end of the process, for every call that ends it: `exit`, `quick_exit`, `_exit`, and
//! `exit_group` by number.

use super::errno::call;
use super::guard::Guard;
use super::real;
use core::ffi::{c_int, c_void};
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};
use softclose_core::engine::exit::Exit;
use softclose_core::sys::raw::nr;

/// Has the engine finish or hand over what is open, where this process is the owner of its memory.
/// Answers whether the process must then end without another call of libc's.
pub fn leave(exit: Exit) -> bool {
    Guard::enter().is_some_and(|guard| guard.owner().is_some_and(|owner| guard.engine().at_exit(owner, exit)))
}

/// Ends the process by system call.
pub fn end(status: c_int) -> ! {
    loop {
        // SAFETY: ends the process.
        let _ = unsafe { call(nr::EXIT_GROUP, [status as usize, 0, 0, 0, 0, 0]) };
    }
}

/// Has libc call our handler at `exit`: after every handler of `atexit` and every destructor, and
/// before it writes out its streams. The handler that is registered first is called last. Only the
/// first call of this function registers it.
pub fn register() {
    static IS_REGISTERED: AtomicBool = AtomicBool::new(false);
    if !IS_REGISTERED.swap(true, SeqCst) {
        // SAFETY: a plain function that lives as long as the process.
        unsafe { real::on_exit(Some(leave_with_streams), core::ptr::null_mut()) };
    }
}

extern "C" fn leave_with_streams(status: c_int, _argument: *mut c_void) {
    if leave(Exit::WithStreams(status)) {
        end(status);
    }
}

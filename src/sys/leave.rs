//! The end of the process, as every door to it uses it.

use super::errno::call;
use super::guard::Guard;
use core::ffi::c_int;
use softclose_core::engine::exit::Exit;
use softclose_core::sys::raw::nr;

/// The end of the process, where it is ours. Answers whether the other threads
/// were stopped, so that no lock may be taken any more.
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

//! The end of the process, for every call that ends it: `exit`, `quick_exit`, `_exit`, and
//! `exit_group` by number.

use super::errno::call;
use super::guard::Guard;
use super::libc_kind::is_musl;
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
        let _ = unsafe { call(nr::EXIT_GROUP, [status as usize]) };
    }
}

/// Has glibc call our handler at `exit`: after every handler of `atexit` and every destructor, and
/// before it writes out its streams. The handler that is registered first is called last. Only the
/// first call of this function registers it. With musl it does nothing: see [`DESTRUCTOR`].
pub fn register() {
    static IS_REGISTERED: AtomicBool = AtomicBool::new(false);
    if !is_musl() && !IS_REGISTERED.swap(true, SeqCst) {
        // SAFETY: a plain function that lives as long as the process.
        unsafe { real::on_exit(Some(leave_with_streams), core::ptr::null_mut()) };
    }
}

extern "C" fn leave_with_streams(status: c_int, _argument: *mut c_void) {
    if leave(Exit::WithStreams(Some(status))) {
        end(status);
    }
}

/// musl has no `on_exit`, and calls the handlers of `atexit` before the destructors. But it destroys libraries in the
/// opposite order of their construction, and constructs what is preloaded first of all: so our turn comes
/// after nearly every destructor, and before it writes out its streams.
#[used]
#[unsafe(link_section = ".fini_array")]
static DESTRUCTOR: extern "C" fn() = destruct;

extern "C" fn destruct() {
    if is_musl() {
        leave(Exit::WithStreams(None));
    }
}

/// Has libc call our handler at `quick_exit`.
pub fn register_quick() {
    // SAFETY: a plain function that lives as long as the process.
    unsafe { real::at_quick_exit(leave_quickly) };
}

/// musl passes no status.
extern "C" fn leave_quickly(_: *mut c_void, status: c_int) {
    leave(Exit::AtOnce((!is_musl()).then_some(status)));
}

//! libc's own functions, behind ours.
//!
//! | file | what is in it |
//! |---|---|
//! | [`symbol`] | one function by its name, and where it is |
//! | [`libraries`] | the libraries that have them |
//! | [`system_calls`] | functions that are one system call each |
//! | [`functions`] | functions that are more than that |
//! | [`images`] | the functions of `exec(3)` |
//! | [`jumps`] | functions that are jumped to |
//! | [`handlers`] | handlers that libc calls |
//!
//! The constructor looks up every pointer, so that no hook calls `dlsym` after it. A call that
//! comes earlier (from the constructor of another library, or while `malloc` is being
//! initialised) makes the system call directly, where the function is one. The few functions
//! that are more than one system call are then looked up when they are called.
//!
//! redhook keeps a pointer of its own for the hook that it exports. [`crate::hooks`] says which that is,
//! and why not all.

mod functions;
mod handlers;
mod images;
mod jumps;
mod libraries;
mod symbol;
mod system_calls;

pub use functions::*;
pub use handlers::{at_quick_exit, is_glibc, register_atfork};
pub use images::*;
pub use jumps::{SYSCALL, closesocket_address, syscall_address, vfork_address};
pub use libraries::{Libraries, Name};
pub use symbol::is_ready;
pub use system_calls::*;

/// Looks up every function. Called by the constructor.
#[unsafe(link_section = ".text.softclose_start")]
pub fn resolve_all(libraries: &Libraries) {
    system_calls::resolve(libraries);
    functions::resolve(libraries);
    images::resolve(libraries);
    jumps::resolve(libraries);
    handlers::resolve(libraries);
    symbol::set_ready();
}

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
//! A function is looked up when it is first called, by a look at memory ([`libraries`]): no hook calls
//! `dlsym` after the constructor. A call that comes earlier (from the constructor of another library,
//! or while `malloc` is being initialised) makes the system call directly, where the function is one.
//! The few functions that are more than one system call are then looked up by `dlsym`.
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
pub use handlers::{at_quick_exit, register_atfork};
pub use images::*;
pub use jumps::{SYSCALL, closesocket_address, syscall_address, vfork_address};
pub use libraries::{Libraries, Name};
use softclose_core::sys::valgrind;
use symbol::Symbol;
pub(super) use symbol::name_of;
pub use system_calls::*;

/// Walks through the libraries. Where functions in them cannot be found by a look at memory, all are looked
/// up by `dlsym`. Called by the constructor, with an address inside this library.
pub fn resolve(here: usize) -> &'static Libraries {
    // SAFETY: the constructor runs once.
    let libraries = unsafe { Libraries::walk(here) };
    if valgrind::is_running() {
        each(|symbol, _| valgrind::is_lock_free((&raw const *symbol).addr(), size_of::<Symbol>()));
    }
    if !libraries.are_all_known() {
        each(|symbol, name| _ = symbol.ask(name));
        stay(libraries);
    }
    functions::resolve(libraries);
    jumps::resolve(libraries);
    libraries
}

#[cold]
fn each(visit: fn(&'static Symbol, Name)) {
    system_calls::each(visit);
    functions::each(visit);
    images::each(visit);
    jumps::each(visit);
    handlers::each(visit);
}

/// Where the program has loaded this library itself, it could unload it, while libc has pointers to our
/// handlers.
fn stay(libraries: &Libraries) {
    if let Some(path) = libraries.own_path() {
        // SAFETY: a terminated path; nothing is loaded.
        unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD | libc::RTLD_NODELETE) };
    }
}

/// Whether the constructor has run so far that every function can be found.
pub fn is_ready() -> bool {
    libraries::known().is_some()
}

/// Before a fork: looks up what a child is likely to call, so that not every child has to.
pub fn foresee() {
    functions::foresee();
    system_calls::foresee();
    images::foresee();
}

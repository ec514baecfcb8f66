//! One file an intercepted call. Each translates; none decides.
//!
//! Two ways to export, each where it is good (see [`crate::sys::real`]):
//! `redhook::hook!` for calls that every libc has and that are no cancellation
//! points; a plain `extern "C-unwind"` function for the others.

pub mod accept;
pub mod clone;
pub mod close;
pub mod closesocket;
pub mod connect;
pub mod dup;
pub mod epoll_ctl;
pub mod exit;
pub mod fcntl;
pub mod fork;
pub mod popen;
pub mod posix_spawn;
pub mod recvmsg;
pub mod sendmsg;
pub mod socket;
pub mod syscall;
pub mod system;
pub mod vfork;

/// Has redhook resolve every function that it exports, before any hook needs it.
pub fn touch_redhook() {
    dup::touch();
    epoll_ctl::touch();
    exit::touch();
    fork::touch();
    posix_spawn::touch();
    socket::touch();
}

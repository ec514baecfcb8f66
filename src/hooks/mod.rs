//! One file an intercepted call. Each translates; none decides.
//!
//! Two ways to export, each where it is good (see [`crate::sys::real`]):
//! `redhook::hook!` for calls that every libc has and in which nobody is cancelled;
//! a plain `extern "C-unwind"` function for the others.

pub mod accept;
pub mod bind;
pub mod clone;
pub mod close;
pub mod close_range;
pub mod closesocket;
pub mod connect;
pub mod credentials;
pub mod daemon;
pub mod dup;
pub mod epoll_create;
pub mod epoll_ctl;
pub mod epoll_wait;
pub mod exec;
pub mod exit;
pub mod fclose;
pub mod fcntl;
pub mod fork;
pub mod forkpty;
pub mod freopen;
pub mod io_submit;
pub mod io_uring;
pub mod on_exit;
pub mod open;
pub mod pidfd_getfd;
pub mod popen;
pub mod posix_spawn;
pub mod prctl;
pub mod pthread_create;
pub mod recvmsg;
pub mod sendmsg;
pub mod setrlimit;
pub mod setsockopt;
pub mod shutdown;
pub mod socket;
pub mod socketpair;
pub mod stdio;
pub mod syscall;
pub mod system;
pub mod unshare;
pub mod vfork;
pub mod wordexp;

/// Has redhook resolve every function that it exports, before any hook needs it.
pub fn touch_redhook() {
    credentials::touch();
    exit::touch();
    fork::touch();
    posix_spawn::touch();
    unshare::touch();
}

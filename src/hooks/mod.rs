//! One file for each intercepted call, or for a few that are alike. A hook translates; the engine
//! decides.
//!
//! Most hooks have this shape: take a guard, tell the engine what is about to happen, drop the
//! guard; make libc's own call; take a guard again, tell the engine the result. Without a guard,
//! a cancellation acts in the call as it does natively. Where a hook needs the guard during the
//! call, it makes it by `Guard::own_call`: then cancellation is disabled, and acts afterwards.
//!
//! # How a hook is exported
//!
//! `redhook::hook!` exports `initgroups`. redhook runs a hook inside `catch_unwind`, which aborts the
//! process when a cancellation unwinds through it; it aborts where libc has no such function; and it
//! calls `dlsym` when the function is first called. So it is good for a call that is no cancellation
//! point, that every libc has, and that programs make from ordinary code alone: `initgroups` reads
//! files and allocates memory itself.
//!
//! Every other hook fails one of these tests. It is a plain function with the attribute
//! `#[unsafe(no_mangle)]` and the ABI `extern "C-unwind"`, through which a cancellation unwinds; it
//! calls libc by [`crate::sys::real`], which knows what to do before the constructor and where libc
//! has no such function.
//!
//! - *Cancellation points*: `close`, `accept`, `connect`, `open`, `fcntl`, `sendmsg`, `recvmsg`,
//!   `epoll_wait`, `fclose`, `system`, `wordexp` and their like. `daemon` is none, but closes a
//!   descriptor by one in its child.
//! - *Calls that take long*, so that a thread which can be cancelled at any instruction may well be
//!   cancelled in them: `fork`, `posix_spawn`, `popen`.
//! - *Plain system calls*, in which a thread may be cancelled asynchronously without harm, and which
//!   a library may make before our constructor: `socket`, `dup`, `bind`, `shutdown`, `setsockopt`,
//!   `epoll_ctl`, `pipe`, `setrlimit`, `prctl` and their like.
//! - *Not in every libc, or not in its main library*: `on_exit`, `closefrom`, `pidfd_getfd`,
//!   `pidfd_spawn`, `_Fork`, `epoll_pwait2`, `closesocket`; `pthread_create` and `forkpty` before
//!   glibc 2.34.
//! - *Variadic, or returning twice, or never*: `clone`, `exec`, `vfork` and `syscall`. All but the
//!   first are jumped through ([`crate::sys::jump`]).

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

//! `fcntl(2)`. `F_DUPFD` and `F_DUPFD_CLOEXEC` make one more number for an open file, which is
//! counted. `F_SETFD` without `FD_CLOEXEC` gives the number to a program that another thread may
//! be executing just now; that is noted. `F_SETLKW` waits and is a cancellation point: libc's
//! function is called without a guard.
//!
//! Both names are in use: python3, node, git and nginx import `fcntl64`. The function is variadic
//! in C. On Linux a variadic function takes its arguments where a plain one does, and libc itself
//! reads the third as a pointer, whatever the command.

use super::dup::{duplicated, is_private};
use crate::sys::guard::{engine, with_owner};
use crate::sys::{errno, real};
use libc::{EBADF, F_DUPFD, F_DUPFD_CLOEXEC, F_SETFD, FD_CLOEXEC, c_int};
use softclose_core::sys::Fd;

/// `fcntl(2)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int {
    // SAFETY: the program's own call.
    fcntl_by(fd, command, argument, || unsafe { real::fcntl(fd, command, argument) })
}

/// `fcntl(2)` with 64-bit offsets.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn fcntl64(fd: c_int, command: c_int, argument: usize) -> c_int {
    // SAFETY: the program's own call.
    fcntl_by(fd, command, argument, || unsafe { real::fcntl64(fd, command, argument) })
}

/// `fcntl`, where `own_call` is libc's function or the system call.
pub fn fcntl_by(fd: c_int, command: c_int, argument: usize, own_call: impl Fn() -> c_int + Copy) -> c_int {
    if is_private(fd) {
        return errno::fail(EBADF);
    }
    if matches!(command, F_DUPFD | F_DUPFD_CLOEXEC) {
        return duplicated(fd, own_call);
    }
    let is_inheritable = command == F_SETFD && argument & FD_CLOEXEC as usize == 0;
    if is_inheritable { made_inheritable(fd, own_call) } else { own_call() }
}

/// Makes a call after which `exec` does not close `fd`, and notes that.
fn made_inheritable(fd: c_int, own_call: impl FnOnce() -> c_int + Copy) -> c_int {
    let since = engine().map(|engine| engine.ledger.stamp());
    let result = own_call();
    if let Some(fd) = Fd::new(fd) {
        with_owner(|owner| since.into_iter().for_each(|since| owner.kept(fd, since)));
    }
    result
}

//! `fcntl(2)`: `F_DUPFD` and `F_DUPFD_CLOEXEC` make one more descriptor, `F_SETFD` lets a
//! program that another thread is executing just now have one. Both names are in use: python3, node, git and nginx import `fcntl64`.
//!
//! Variadic in C. On x86_64 a variadic function takes its arguments where a plain
//! one does, and libc itself reads the third as a pointer whatever the command.
//! `F_SETLKW` waits and is a cancellation point: libc's own is called without a
//! guard.

use super::dup::{duplicated, is_private};
use crate::sys::guard::{engine, with_owner};
use crate::sys::{errno, real};
use libc::{EBADF, F_DUPFD, F_DUPFD_CLOEXEC, F_SETFD, FD_CLOEXEC, c_int};
use softclose_core::sys::Fd;

#[unsafe(no_mangle)]
/// `fcntl(2)`.
pub unsafe extern "C-unwind" fn fcntl(fd: c_int, command: c_int, argument: usize) -> c_int {
    // SAFETY: the program's own call.
    unsafe { fcntl_by(fd, command, argument, real::fcntl) }
}

#[unsafe(no_mangle)]
/// `fcntl(2)` with 64-bit offsets.
pub unsafe extern "C-unwind" fn fcntl64(fd: c_int, command: c_int, argument: usize) -> c_int {
    // SAFETY: the program's own call.
    unsafe { fcntl_by(fd, command, argument, real::fcntl64) }
}

/// `fcntl` by `own_call`.
///
/// # Safety
/// As `fcntl`; may unwind where `own_call` may.
pub unsafe fn fcntl_by(
    fd: c_int,
    command: c_int,
    argument: usize,
    own_call: unsafe fn(c_int, c_int, usize) -> c_int,
) -> c_int {
    if is_private(fd) {
        return errno::fail(EBADF);
    }
    if matches!(command, F_DUPFD | F_DUPFD_CLOEXEC) {
        // SAFETY: the program's own call.
        return duplicated(fd, || unsafe { own_call(fd, command, argument) });
    }
    // SAFETY: the program's own call.
    let own_call = || unsafe { own_call(fd, command, argument) };
    if command == F_SETFD && argument & FD_CLOEXEC as usize == 0 { kept(fd, own_call) } else { own_call() }
}

/// `exec` does not close `fd` from now on.
fn kept(fd: c_int, own_call: impl FnOnce() -> c_int) -> c_int {
    let since = engine().map(|engine| engine.ledger.stamp());
    let result = own_call();
    if let Some(fd) = Fd::new(fd) {
        with_owner(|owner| since.into_iter().for_each(|since| owner.kept(fd, since)));
    }
    result
}

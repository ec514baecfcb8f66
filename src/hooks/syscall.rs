//! `syscall(2)` makes any system call by its number. libuv closes only like this.
//!
//! A number that matters leads to the hook of that call, or to a look at its arguments. For any
//! other number the hook reads one entry of a table and jumps to libc's function, with arguments
//! and stack untouched. The function is variadic in C; on x86_64 all seven integers lie where a
//! plain function has them.

use super::accept::accept_by;
use super::clone::{before_by_number, before_clone3};
use super::close::{RAW_CLOSE, close_with};
use super::close_range::close_range_with;
use super::connect::connect_by;
use super::dup::over;
use super::exec;
use super::fcntl::fcntl_by;
use super::recvmsg::{recvmmsg_by, recvmsg_by};
use super::sendmsg::{sendmmsg_by, sendmsg_by};
use crate::sys::guard::{Guard, dismiss_for_a_moment};
use crate::sys::jump::{SavedRegisters, jump_through};
use crate::sys::leave::leave;
use crate::sys::machine::route;
use crate::sys::{errno, real};
use core::ffi::{c_int, c_long, c_uint, c_void};
use libc::{mmsghdr, msghdr, sockaddr, socklen_t, timespec, uid_t};
use softclose_core::engine::exit::Exit;
use softclose_core::sys::raw::nr;
use softclose_core::sys::ring_memory::Parameters;

/// Defines a function that drops the number and calls the hook of that name.
macro_rules! forward {
    ($($name:ident($($arg:ident: $type:ty),*) = $to:path;)*) => { $(
        unsafe extern "C-unwind" fn $name(_number: c_long, $($arg: $type),*) -> c_long {
            // SAFETY: the program's own call, with its own arguments.
            unsafe { $to($($arg),*) as c_long }
        }
    )* };
}

/// Defines a function that makes the call by its number, inside of the hook: unlike libc's function of that name,
/// `syscall` is no cancellation point, and changes no argument.
macro_rules! by_number {
    ($($name:ident($($arg:ident: $type:ty),*) = |$call:ident| $hook:expr;)*) => { $(
        unsafe extern "C-unwind" fn $name(number: c_long, $($arg: $type),*) -> c_long {
            // SAFETY: the program's own call, with its own arguments.
            let $call = || unsafe { errno::call(number as usize, [$($arg as usize),*]) };
            // SAFETY: as above.
            #[allow(unused_unsafe, reason = "some hooks are safe to call")]
            unsafe {
                $hook as c_long
            }
        }
    )* };
}

#[cfg_attr(target_arch = "x86_64", path = "syscall/old_calls.rs")]
#[cfg_attr(not(target_arch = "x86_64"), path = "syscall/no_old_calls.rs")]
mod old;

/// `syscall(2)`.
#[unsafe(no_mangle)]
#[unsafe(naked)]
pub unsafe extern "C-unwind" fn syscall(number: c_long) -> c_long {
    route!(PLACES.len(), PLACES, TARGETS, real::SYSCALL, unresolved)
}

/// Where each number leads that matters: to the address of a function.
const ROUTES: [(usize, *const c_void); 43] = [
    (nr::CLOSE, close as *const c_void),
    (nr::CLOSE_RANGE, close_range as *const c_void),
    (nr::SHUTDOWN, shutdown as *const c_void),
    (nr::SETSOCKOPT, setsockopt as *const c_void),
    (nr::DUP, dup as *const c_void),
    (nr::DUP3, dup3 as *const c_void),
    (nr::FCNTL, fcntl as *const c_void),
    (nr::EPOLL_CREATE1, epoll_create1 as *const c_void),
    (nr::EPOLL_CTL, epoll_ctl as *const c_void),
    (nr::SOCKET, socket as *const c_void),
    (nr::ACCEPT, accept as *const c_void),
    (nr::ACCEPT4, accept4 as *const c_void),
    (nr::BIND, bind as *const c_void),
    (nr::LISTEN, listen as *const c_void),
    (nr::CONNECT, connect as *const c_void),
    (nr::SENDMSG, sendmsg as *const c_void),
    (nr::RECVMSG, recvmsg as *const c_void),
    (nr::SENDMMSG, sendmmsg as *const c_void),
    (nr::RECVMMSG, recvmmsg as *const c_void),
    (nr::PIDFD_GETFD, pidfd_getfd as *const c_void),
    (nr::IO_SUBMIT, looked_at as *const c_void),
    // These may return twice, on another stack, or not at all.
    (nr::CLONE, looked_at as *const c_void),
    (nr::CLONE3, looked_at as *const c_void),
    (nr::EXECVE, looked_at as *const c_void),
    (nr::EXECVEAT, looked_at as *const c_void),
    (nr::EXIT, looked_at as *const c_void),
    (nr::EXIT_GROUP, looked_at as *const c_void),
    (nr::IO_URING_SETUP, io_uring_setup as *const c_void),
    (nr::IO_URING_ENTER, io_uring_enter as *const c_void),
    (nr::IO_URING_REGISTER, io_uring_register as *const c_void),
    (nr::PRCTL, looked_at as *const c_void),
    (nr::SECCOMP, looked_at as *const c_void),
    (nr::UNSHARE, looked_at as *const c_void),
    // These change the calling thread only, which may be the program's only one.
    (nr::SETUID, change_user as *const c_void),
    (nr::SETGID, alone as *const c_void),
    (nr::SETREUID, change_user as *const c_void),
    (nr::SETREGID, alone as *const c_void),
    (nr::SETRESUID, change_user as *const c_void),
    (nr::SETRESGID, alone as *const c_void),
    (nr::SETGROUPS, alone as *const c_void),
    (nr::CAPSET, alone as *const c_void),
    (nr::SETNS, looked_at as *const c_void),
    (nr::LANDLOCK_RESTRICT_SELF, alone as *const c_void),
];

const COUNT: usize = ROUTES.len() + old::ROUTES.len();

#[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const fn route_at(at: usize) -> (usize, *const c_void) {
    if at < ROUTES.len() { ROUTES[at] } else { old::ROUTES[at - ROUTES.len()] }
}

/// For each number its place in [`TARGETS`], from 1 on, or 0. Addresses have to be relocated at each start
/// of a program, so there are as few as can be.
static PLACES: [u8; 512] = places();

#[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const fn places() -> [u8; 512] {
    let mut places = [0; 512];
    let mut at = 0;
    while at < COUNT {
        places[route_at(at).0] = at as u8 + 1;
        at += 1;
    }
    places
}

#[repr(transparent)]
struct Targets([*const c_void; COUNT]);

// SAFETY: addresses of functions, never written.
unsafe impl Sync for Targets {}

static TARGETS: Targets = targets();

#[allow(clippy::indexing_slicing, reason = "the compiler evaluates it")]
const fn targets() -> Targets {
    let mut targets = [core::ptr::null(); COUNT];
    let mut at = 0;
    while at < COUNT {
        targets[at] = route_at(at).1;
        at += 1;
    }
    Targets(targets)
}

jump_through! { fn looked_at => look }
jump_through! { fn unresolved => resolve }
jump_through! { fn alone => be_alone }

/// Before a call that must find no thread of ours.
extern "C" fn be_alone(_: &SavedRegisters) -> *const c_void {
    dismiss_for_a_moment();
    real::syscall_address()
}

/// Before the constructor has looked up `syscall`.
extern "C" fn resolve(_: &SavedRegisters) -> *const c_void {
    real::syscall_address()
}

/// Before a call that is jumped to: takes note of what matters in its arguments.
extern "C" fn look(saved: &SavedRegisters) -> *const c_void {
    let [number, a, b, c, d, e] = saved.arguments();
    match number {
        nr::IO_SUBMIT => super::io_submit::note(b as c_long, c),
        nr::EXIT | nr::EXIT_GROUP => before_exit(number, a as c_int),
        nr::SECCOMP => super::prctl::before_seccomp(a, c),
        nr::PRCTL => super::prctl::prepare(a as c_int, b, c),
        nr::SETNS => {
            dismiss_for_a_moment();
            super::unshare::prepare_setns(b as c_int);
        }
        nr::UNSHARE => {
            dismiss_for_a_moment();
            super::unshare::prepare(a as c_int);
        }
        nr::EXECVE => return exec::execve_with([a, b, c], real::syscall_address()),
        nr::EXECVEAT => return exec::execveat_with([a, b, c, d, e], real::syscall_address()),
        nr::CLONE => before_by_number(a as c_int),
        nr::CLONE3 => before_clone3(a),
        number => before_by_number(old::flags_of(number)),
    }
    real::syscall_address()
}

/// Before `exit_group(2)` or `exit(2)`. `exit` ends one thread, and with it the process if the
/// program has no other thread. Then the drain's thread must not be the last one: its status
/// would be the status of the process.
fn before_exit(number: usize, status: c_int) {
    let Some(guard) = Guard::enter() else { return };
    let is_end = number == nr::EXIT_GROUP || guard.engine().context.is_single_threaded();
    if is_end && guard.owner().is_some() {
        leave(Exit::AtOnce(Some(status)));
        drop(guard.engine().drain.dismiss());
    }
}

/// A call of the `setuid` family.
///
/// # Safety
/// As the call of that number, which ignores arguments that it does not take.
unsafe extern "C-unwind" fn change_user(number: c_long, a: uid_t, b: uid_t, c: uid_t) -> c_long {
    // SAFETY: the program's own call.
    unsafe { super::credentials::change_user(number as usize, [a, b, c]) as c_long }
}

forward! {
    close(fd: c_int) = close_raw;
    close_range(first: c_uint, last: c_uint, flags: c_int) = close_range_raw;
    shutdown(fd: c_int, how: c_int) = super::shutdown::shutdown;
    setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: socklen_t) = super::setsockopt::setsockopt;
    dup(old: c_int) = super::dup::dup;
    socket(domain: c_int, kind: c_int, protocol: c_int) = super::socket::socket;
    bind(fd: c_int, addr: *const sockaddr, len: socklen_t) = super::bind::bind;
    listen(fd: c_int, backlog: c_int) = super::bind::listen;
    pidfd_getfd(pidfd: c_int, target: c_int, flags: c_uint) = super::pidfd_getfd::pidfd_getfd;
    epoll_create1(flags: c_int) = super::epoll_create::epoll_create1;
    epoll_ctl(set: c_int, op: c_int, fd: c_int, event: *mut libc::epoll_event) = super::epoll_ctl::epoll_ctl;
    io_uring_setup(entries: c_uint, parameters: *mut Parameters) = super::io_uring::setup;
    io_uring_enter(ring: c_int, submit: c_uint, complete: c_uint, flags: c_uint, argument: usize, size: usize) = super::io_uring::enter;
    io_uring_register(ring: c_int, operation: c_uint, argument: usize, count: c_uint) = super::io_uring::register;
}

/// `close` by a raw system call.
///
/// # Safety
/// As `close`, but no cancellation point.
unsafe fn close_raw(fd: c_int) -> c_int {
    // SAFETY: the program's own call.
    unsafe { close_with(fd, RAW_CLOSE) }
}

/// `close_range` by a raw system call.
///
/// # Safety
/// As `close_range`.
unsafe fn close_range_raw(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    close_range_with(first, last, flags, |first, last, flags| {
        // SAFETY: the program's own call.
        unsafe { errno::call(nr::CLOSE_RANGE, [first as usize, last as usize, flags as usize]) }
    })
}

by_number! {
    dup3(old: c_int, new: c_int, flags: c_int) = |call| over(old, new, flags, call);
    fcntl(fd: c_int, command: c_int, argument: usize) = |call| fcntl_by(fd, command, argument, call);
    accept(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) = |call| accept_by(fd, call);
    accept4(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t, flags: c_int) = |call| accept_by(fd, call);
    connect(fd: c_int, addr: *const sockaddr, len: socklen_t) = |call| connect_by(fd, call);
    sendmsg(fd: c_int, message: *const msghdr, flags: c_int) = |call| sendmsg_by(fd, message, || call() as isize);
    recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) = |call| recvmsg_by(fd, message, flags, || call() as isize);
    sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) = |call| sendmmsg_by(fd, messages, count, call);
    recvmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) = |call| recvmmsg_by(fd, messages, flags, call);
}

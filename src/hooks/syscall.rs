//! `syscall(2)`: a program's own way to the kernel, through libc.
//!
//! libuv closes only like this, and a `dup` made like this is a reference like
//! any other. The numbers that matter are handed to the hooks of the calls that
//! they stand for; all others are jumped on, arguments and stack untouched, as
//! are those that may return twice or on another stack.
//!
//! Variadic in C; on x86_64 all seven integers lie where a plain function has
//! them.

use super::close::{Door, close_by};
use super::close_range::close_range_by;
use super::fcntl::fcntl_by;
use super::popen::note_nameless_child;
use crate::sys::guard::{Guard, become_passive, with_owner};
use crate::sys::leave::leave;
use crate::sys::{errno, real};
use core::arch::naked_asm;
use core::ffi::{c_int, c_long, c_uint, c_void};
use libc::{mmsghdr, msghdr, sockaddr, socklen_t, timespec};
use softclose_core::engine::exit::Exit;
use softclose_core::sys::raw::nr;

#[unsafe(no_mangle)]
#[unsafe(naked)]
/// `syscall(2)`.
pub unsafe extern "C-unwind" fn syscall(number: c_long) -> c_long {
    // `route` answers what to jump to: one of the functions below, which take the
    // same arguments, or libc's own. The registers that carry them are kept.
    naked_asm!(
        "push rdi", "push rsi", "push rdx", "push rcx", "push r8", "push r9",
        "sub rsp, 8",
        "call {route}",
        "add rsp, 8",
        "pop r9", "pop r8", "pop rcx", "pop rdx", "pop rsi", "pop rdi",
        "jmp rax",
        route = sym route,
    )
}

extern "C" fn route(number: usize, first: usize) -> *const c_void {
    match number {
        nr::CLOSE => close as *const c_void,
        nr::CLOSE_RANGE => close_range as *const c_void,
        nr::DUP => dup as *const c_void,
        nr::DUP2 => dup2 as *const c_void,
        nr::DUP3 => dup3 as *const c_void,
        nr::FCNTL => fcntl as *const c_void,
        nr::EPOLL_CTL => epoll_ctl as *const c_void,
        nr::SOCKET => socket as *const c_void,
        nr::ACCEPT => accept as *const c_void,
        nr::ACCEPT4 => accept4 as *const c_void,
        nr::CONNECT => connect as *const c_void,
        nr::SENDMSG => sendmsg as *const c_void,
        nr::RECVMSG => recvmsg as *const c_void,
        nr::SENDMMSG => sendmmsg as *const c_void,
        nr::RECVMMSG => recvmmsg as *const c_void,
        nr::IO_URING_SETUP | nr::PIDFD_GETFD => {
            blinded();
            real::syscall_address()
        }
        nr::EXIT | nr::EXIT_GROUP => {
            leave_by(number);
            real::syscall_address()
        }
        nr::SECCOMP => {
            become_passive();
            real::syscall_address()
        }
        nr::PRCTL => {
            super::prctl::prepare(first as c_int);
            real::syscall_address()
        }
        nr::UNSHARE => {
            super::unshare::prepare(first as c_int);
            real::syscall_address()
        }
        nr::CLONE if first & libc::CLONE_THREAD as usize != 0 => real::syscall_address(),
        nr::CLONE | nr::FORK | nr::VFORK | nr::CLONE3 => {
            note_nameless_child();
            real::syscall_address()
        }
        _ => real::syscall_address(),
    }
}

/// `exit` ends one thread, and so the process if the program has no other: then
/// the drain's must not be the last, whose status would count.
fn leave_by(number: usize) {
    let Some(guard) = Guard::enter() else { return };
    let is_end = number == nr::EXIT_GROUP || (guard.engine().common.host.is_single_threaded)();
    if is_end && guard.owner().is_some() {
        leave(Exit::AtOnce);
        guard.engine().drain.dismiss();
    }
}

/// References will be made that nobody can see: a ring holds files, and another
/// process' descriptor may be one of ours.
fn blinded() {
    with_owner(|owner| owner.blinded());
}

/// Defines a function that drops the number and calls the hook of that name.
macro_rules! forward {
    ($($name:ident($($arg:ident: $type:ty),*) = $to:path;)*) => { $(
        unsafe extern "C-unwind" fn $name(_number: c_long, $($arg: $type),*) -> c_long {
            // SAFETY: the program's own call, with its own arguments.
            unsafe { $to($($arg),*) as c_long }
        }
    )* };
}

forward! {
    close(fd: c_int) = close_by_instruction;
    close_range(first: c_uint, last: c_uint, flags: c_int) = close_range_by_instruction;
    dup(old: c_int) = super::dup::dup;
    dup2(old: c_int, new: c_int) = super::dup::dup2;
    dup3(old: c_int, new: c_int, flags: c_int) = super::dup::dup3;
    fcntl(fd: c_int, command: c_int, argument: usize) = fcntl_by_instruction;
    socket(domain: c_int, kind: c_int, protocol: c_int) = super::socket::socket;
    accept(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) = super::accept::accept;
    accept4(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t, flags: c_int) = super::accept::accept4;
    connect(fd: c_int, addr: *const sockaddr, len: socklen_t) = super::connect::connect;
    sendmsg(fd: c_int, message: *const msghdr, flags: c_int) = super::sendmsg::sendmsg;
    recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) = super::recvmsg::recvmsg;
    sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) = super::sendmsg::sendmmsg;
    recvmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) = super::recvmsg::recvmmsg;
    epoll_ctl(set: c_int, op: c_int, fd: c_int, event: *mut libc::epoll_event) = super::epoll_ctl::epoll_ctl;
}

/// # Safety
/// As `close`, but no cancellation point.
unsafe fn close_by_instruction(fd: c_int) -> c_int {
    // SAFETY: the program's own call.
    unsafe {
        close_by(
            fd,
            Door { own_call: |fd| errno::call(nr::CLOSE, [fd as usize, 0, 0, 0, 0, 0]), is_cancellation_point: false },
        )
    }
}

/// # Safety
/// As `fcntl`, but no cancellation point.
unsafe fn fcntl_by_instruction(fd: c_int, command: c_int, argument: usize) -> c_int {
    // SAFETY: the program's own call.
    unsafe {
        fcntl_by(fd, command, argument, |fd, command, argument| {
            errno::call(nr::FCNTL, [fd as usize, command as usize, argument, 0, 0, 0])
        })
    }
}

/// # Safety
/// As `close_range`.
unsafe fn close_range_by_instruction(first: c_uint, last: c_uint, flags: c_int) -> c_int {
    close_range_by(first, last, flags, |first, last| {
        // SAFETY: the program's own call.
        unsafe { errno::call(nr::CLOSE_RANGE, [first as usize, last as usize, flags as usize, 0, 0, 0]) }
    })
}

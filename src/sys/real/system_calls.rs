//! libc's functions that are one system call each.
//!
//! Before the constructor, and where libc has no such function, the system call is made
//! directly.

use super::libraries::Name;
use super::symbol::{Symbol, name_of, symbols};
use crate::sys::errno::{self, call};
use core::ffi::{c_char, c_void};
use libc::{c_int, c_uint, epoll_event, mmsghdr, mode_t, msghdr, pid_t, sockaddr, socklen_t, timespec};
use softclose_core::sys::raw::nr;

/// What a function does where there is no pointer: its system call, or other calls that do the same.
macro_rules! directly {
    (($($arg:ident)*) = $nr:expr) => { call($nr, [$($arg as usize),*]) };
    (($($arg:ident)*) => $calls:expr) => { $calls };
}

/// Defines functions: a symbol, and what is done where there is no pointer. Not every machine has the older
/// system calls, so newer ones stand for them.
macro_rules! system_calls {
    ($( $name:ident($($arg:ident: $type:ty),*) -> $ret:ty $(= $nr:expr)? $(=> $calls:expr)?; )*) => {
        $(
            /// libc's function of that name.
            ///
            /// # Safety
            /// As its man page says.
            pub unsafe fn $name($($arg: $type),*) -> $ret {
                type Function = unsafe extern "C-unwind" fn($($type),*) -> $ret;
                match symbols::$name.get(name_of!($name)) {
                    // SAFETY: the pointer is that function's, the arguments are the caller's.
                    Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)($($arg),*) },
                    // SAFETY: the same call, the same arguments.
                    None => unsafe { directly!(($($arg)*) $(= $nr)? $(=> $calls)?) as $ret },
                }
            }
        )*

        symbols! { symbols: $($name)* }

        /// Visits all of them.
        pub(super) fn each(visit: fn(&'static Symbol, Name)) {
            symbols::each(visit);
        }
    };
}

system_calls! {
    close(fd: c_int) -> c_int = nr::CLOSE;
    accept(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> c_int = nr::ACCEPT;
    accept4(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int = nr::ACCEPT4;
    socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int = nr::SOCKET;
    dup(old: c_int) -> c_int = nr::DUP;
    dup2(old: c_int, new: c_int) -> c_int => duplicate_onto(old, new);
    dup3(old: c_int, new: c_int, flags: c_int) -> c_int = nr::DUP3;
    close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int = nr::CLOSE_RANGE;
    shutdown(fd: c_int, how: c_int) -> c_int = nr::SHUTDOWN;
    setrlimit(resource: c_uint, limit: *const c_void) -> c_int = nr::SETRLIMIT;
    setrlimit64(resource: c_uint, limit: *const c_void) -> c_int = nr::SETRLIMIT;
    prlimit(pid: pid_t, resource: c_uint, new: *const c_void, old: *mut c_void) -> c_int = nr::PRLIMIT64;
    prlimit64(pid: pid_t, resource: c_uint, new: *const c_void, old: *mut c_void) -> c_int = nr::PRLIMIT64;
    setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: socklen_t) -> c_int = nr::SETSOCKOPT;
    epoll_create(size: c_int) -> c_int => create_set(size);
    epoll_create1(flags: c_int) -> c_int = nr::EPOLL_CREATE1;
    epoll_ctl(set: c_int, op: c_int, fd: c_int, event: *mut epoll_event) -> c_int = nr::EPOLL_CTL;
    epoll_wait(set: c_int, events: *mut epoll_event, most: c_int, ms: c_int) -> c_int
        => call(nr::EPOLL_PWAIT, [set as usize, events as usize, most as usize, ms as usize]);
    epoll_pwait(set: c_int, events: *mut epoll_event, most: c_int, ms: c_int, mask: *const c_void, size: usize)
        -> c_int = nr::EPOLL_PWAIT;
    epoll_pwait2(set: c_int, events: *mut epoll_event, most: c_int, time: *const timespec, mask: *const c_void, size: usize)
        -> c_int = nr::EPOLL_PWAIT2;
    open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int => open_here(path, flags, mode);
    open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int => open_here(path, flags, mode);
    openat(dir: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int = nr::OPENAT;
    openat64(dir: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int = nr::OPENAT;
    __open_2(path: *const c_char, flags: c_int) -> c_int => open_here(path, flags, 0);
    __open64_2(path: *const c_char, flags: c_int) -> c_int => open_here(path, flags, 0);
    __openat_2(dir: c_int, path: *const c_char, flags: c_int) -> c_int = nr::OPENAT;
    __openat64_2(dir: c_int, path: *const c_char, flags: c_int) -> c_int = nr::OPENAT;
    creat(path: *const c_char, mode: mode_t) -> c_int => open_here(path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode);
    creat64(path: *const c_char, mode: mode_t) -> c_int => open_here(path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode);
    pipe(ends: *mut c_int) -> c_int => call(nr::PIPE2, [ends as usize]);
    pipe2(ends: *mut c_int, flags: c_int) -> c_int = nr::PIPE2;
    socketpair(domain: c_int, kind: c_int, protocol: c_int, ends: *mut c_int) -> c_int = nr::SOCKETPAIR;
    eventfd(value: c_uint, flags: c_int) -> c_int = nr::EVENTFD2;
    timerfd_create(clock: c_int, flags: c_int) -> c_int = nr::TIMERFD_CREATE;
    inotify_init() -> c_int => call(nr::INOTIFY_INIT1, [0]);
    inotify_init1(flags: c_int) -> c_int = nr::INOTIFY_INIT1;
    memfd_create(name: *const c_char, flags: c_uint) -> c_int = nr::MEMFD_CREATE;
    unshare(flags: c_int) -> c_int = nr::UNSHARE;
    setns(fd: c_int, kind: c_int) -> c_int = nr::SETNS;
    prctl(option: c_int, a: usize, b: usize, c: usize, d: usize) -> c_int = nr::PRCTL;
    bind(fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int = nr::BIND;
    listen(fd: c_int, backlog: c_int) -> c_int = nr::LISTEN;
    connect(fd: c_int, addr: *const sockaddr, len: socklen_t) -> c_int = nr::CONNECT;
    fcntl(fd: c_int, command: c_int, argument: usize) -> c_int = nr::FCNTL;
    fcntl64(fd: c_int, command: c_int, argument: usize) -> c_int = nr::FCNTL;
    sendmsg(fd: c_int, message: *const msghdr, flags: c_int) -> isize = nr::SENDMSG;
    recvmsg(fd: c_int, message: *mut msghdr, flags: c_int) -> isize = nr::RECVMSG;
    sendmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int) -> c_int = nr::SENDMMSG;
    recvmmsg(fd: c_int, messages: *mut mmsghdr, count: c_uint, flags: c_int, timeout: *mut timespec) -> c_int = nr::RECVMMSG;
    pidfd_getfd(pidfd: c_int, target: c_int, flags: c_uint) -> c_int = nr::PIDFD_GETFD;
}

/// What a child calls: it closes its listener and its connection, and moves descriptors about.
pub(super) fn foresee() {
    symbols::close.get(name_of!(close));
    symbols::shutdown.get(name_of!(shutdown));
    symbols::dup2.get(name_of!(dup2));
}

unsafe fn open_here(path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    // SAFETY: the caller's.
    unsafe { call(nr::OPENAT, [libc::AT_FDCWD as usize, path as usize, flags as usize, mode as usize]) }
}

/// `dup3` refuses two equal numbers, which `dup2` answers if they are open.
unsafe fn duplicate_onto(old: c_int, new: c_int) -> c_int {
    let [from, to] = [old as usize, new as usize];
    // SAFETY: integers only.
    unsafe {
        if old != new {
            call(nr::DUP3, [from, to, 0])
        } else if call(nr::FCNTL, [from, libc::F_GETFD as usize]) < 0 {
            -1
        } else {
            new
        }
    }
}

unsafe fn create_set(size: c_int) -> c_int {
    if size <= 0 {
        return errno::fail(libc::EINVAL);
    }
    // SAFETY: integers only.
    unsafe { call(nr::EPOLL_CREATE1, [0]) }
}

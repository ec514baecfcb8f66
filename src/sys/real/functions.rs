//! libc's functions that are more than one system call.
//!
//! Where libc has no such function, the call fails with `ENOSYS`, unless its comment says
//! otherwise.

use super::libraries::{Libraries, Name};
use super::symbol::{Symbol, name_of, symbols};
use super::system_calls::close_range;
use crate::sys::errno;
use core::ffi::{CStr, c_char, c_void};
use core::ptr;
use libc::{DIR, FILE, c_int, c_uint, gid_t, pid_t, posix_spawn_file_actions_t, posix_spawnattr_t, size_t, uid_t};

symbols! { special: pthread_create pthread_testcancel closefrom clone pidfd_spawn pidfd_spawnp _Fork forkpty _exit _Exit }

/// Visits all of them.
pub(super) fn each(visit: fn(&'static Symbol, Name)) {
    symbols::each(visit);
    special::each(visit);
}

/// For the constructor. Until glibc 2.34 this function is in libpthread. That lies behind libc where only a library
/// needs it; the loader knows whether it is there for the whole program.
pub(super) fn resolve(libraries: &Libraries) {
    const NAME: Name = name_of!(pthread_testcancel);
    if libraries.find(NAME).is_null() && libraries.is_anywhere(NAME) {
        special::pthread_testcancel.ask(NAME);
    }
}

/// What a child calls: the end of a process.
pub(super) fn foresee() {
    special::_exit.get(name_of!(_exit));
}

/// `wordexp.h`
const WRDE_NOSPACE: c_int = 1;

/// Defines functions: a symbol, and a call that fails with `ENOSYS` and the given answer where libc
/// has no such function.
macro_rules! functions {
    ($( $name:ident($($arg:ident: $type:ty),*) -> $ret:ty = $failed:expr; )*) => {
        $(
            /// libc's function of that name.
            ///
            /// # Safety
            /// As its man page says; may unwind where it is a cancellation point.
            pub unsafe fn $name($($arg: $type),*) -> $ret {
                type Function = unsafe extern "C-unwind" fn($($type),*) -> $ret;
                match symbols::$name.needed(name_of!($name)) {
                    // SAFETY: the pointer is that function's, the arguments are the caller's.
                    Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)($($arg),*) },
                    None => {
                        errno::set(libc::ENOSYS);
                        $failed
                    }
                }
            }
        )*
        symbols! { symbols: $($name)* }
    };
}

functions! {
    fclose(stream: *mut FILE) -> c_int = -1;
    freopen(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE = ptr::null_mut();
    freopen64(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE = ptr::null_mut();
    system(command: *const c_char) -> c_int = -1;
    popen(command: *const c_char, mode: *const c_char) -> *mut FILE = ptr::null_mut();
    fork() -> pid_t = -1;
    posix_spawn(
        pid: *mut pid_t,
        path: *const c_char,
        actions: *const posix_spawn_file_actions_t,
        attributes: *const posix_spawnattr_t,
        argv: *const *mut c_char,
        envp: *const *mut c_char
    ) -> c_int = libc::ENOSYS;
    posix_spawnp(
        pid: *mut pid_t,
        file: *const c_char,
        actions: *const posix_spawn_file_actions_t,
        attributes: *const posix_spawnattr_t,
        argv: *const *mut c_char,
        envp: *const *mut c_char
    ) -> c_int = libc::ENOSYS;

    pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int = libc::ENOSYS;
    fflush(stream: *mut FILE) -> c_int = -1;
    fflush_unlocked(stream: *mut FILE) -> c_int = -1;
    fileno(stream: *mut FILE) -> c_int = -1;
    fileno_unlocked(stream: *mut FILE) -> c_int = -1;
    __fpending(stream: *mut FILE) -> usize = 0;
    __fpurge(stream: *mut FILE) -> () = ();
    setuid(uid: uid_t) -> c_int = -1;
    setgid(gid: gid_t) -> c_int = -1;
    seteuid(uid: uid_t) -> c_int = -1;
    setreuid(ruid: uid_t, euid: uid_t) -> c_int = -1;
    setregid(rgid: gid_t, egid: gid_t) -> c_int = -1;
    setresuid(ruid: uid_t, euid: uid_t, suid: uid_t) -> c_int = -1;
    setresgid(rgid: gid_t, egid: gid_t, sgid: gid_t) -> c_int = -1;
    setgroups(count: size_t, list: *const gid_t) -> c_int = -1;
    capset(header: *mut c_void, data: *const c_void) -> c_int = -1;
    daemon(no_chdir: c_int, no_close: c_int) -> c_int = -1;
    wordexp(words: *const c_char, found: *mut c_void, flags: c_int) -> c_int = WRDE_NOSPACE;
    signalfd(fd: c_int, mask: *const c_void, flags: c_int) -> c_int = -1;
    fopen(path: *const c_char, mode: *const c_char) -> *mut FILE = ptr::null_mut();
    fopen64(path: *const c_char, mode: *const c_char) -> *mut FILE = ptr::null_mut();
    tmpfile() -> *mut FILE = ptr::null_mut();
    tmpfile64() -> *mut FILE = ptr::null_mut();
    opendir(path: *const c_char) -> *mut DIR = ptr::null_mut();
    on_exit(handler: Option<extern "C" fn(c_int, *mut c_void)>, argument: *mut c_void) -> c_int = -1;
}

/// `closefrom(3)`, which exists since glibc 2.34. Where libc has none, this makes the system call
/// `close_range`: a program that asks for the function finds ours.
///
/// # Safety
/// As its man page says.
pub unsafe fn closefrom(lowest: c_int) {
    type Function = unsafe extern "C-unwind" fn(c_int);
    match special::closefrom.needed(name_of!(closefrom)) {
        // SAFETY: the pointer is that function's.
        Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)(lowest) },
        // SAFETY: the caller's.
        None => _ = unsafe { close_range(lowest as c_uint, c_uint::MAX, 0) },
    }
}

/// `pthread_testcancel(3)`. Where there is none, no thread can be cancelled, and nothing happens to `errno` either.
///
/// # Safety
/// May unwind.
pub unsafe fn pthread_testcancel() {
    type Function = unsafe extern "C-unwind" fn();
    if let Some(at) = special::pthread_testcancel.get(name_of!(pthread_testcancel)) {
        // SAFETY: the pointer is that function's.
        unsafe { core::mem::transmute::<*mut c_void, Function>(at)() }
    }
}

/// `_exit(2)`. It comes back where libc's function is not known yet.
///
/// # Safety
/// As its man page says.
pub unsafe fn exit_at_once(status: c_int) {
    // SAFETY: the caller's.
    unsafe { end_by(special::_exit.get(name_of!(_exit)), status) }
}

/// `_Exit(3)`, in the same way.
///
/// # Safety
/// As its man page says.
pub unsafe fn exit_at_once_by_c(status: c_int) {
    // SAFETY: the caller's.
    unsafe { end_by(special::_Exit.get(name_of!(_Exit)), status) }
}

unsafe fn end_by(function: Option<*mut c_void>, status: c_int) {
    type Function = unsafe extern "C-unwind" fn(c_int) -> !;
    if let Some(at) = function {
        // SAFETY: the pointer is that function's.
        unsafe { core::mem::transmute::<*mut c_void, Function>(at)(status) }
    }
}

/// The type of `pidfd_spawn`: as `posix_spawn`, with a descriptor of the process instead of its pid.
pub type Spawn = unsafe extern "C-unwind" fn(
    *mut c_int,
    *const c_char,
    *const libc::posix_spawn_file_actions_t,
    *const libc::posix_spawnattr_t,
    *const *mut c_char,
    *const *mut c_char,
) -> c_int;

/// `pidfd_spawn`, or `pidfd_spawnp`, which exist since glibc 2.39.
pub fn pidfd_spawn(is_searched: bool) -> Option<Spawn> {
    let at = if is_searched {
        special::pidfd_spawnp.needed(name_of!(pidfd_spawnp))
    } else {
        special::pidfd_spawn.needed(name_of!(pidfd_spawn))
    }?;
    // SAFETY: the pointer is that function's.
    Some(unsafe { core::mem::transmute::<*mut c_void, Spawn>(at) })
}

/// The function that a thread runs.
pub type Body = Option<extern "C-unwind" fn(*mut c_void) -> *mut c_void>;

/// `pthread_create(3)`, which before glibc 2.34 is in a library that may be loaded later.
///
/// # Safety
/// As its man page says.
pub unsafe fn pthread_create(
    thread: *mut libc::pthread_t,
    attributes: *const libc::pthread_attr_t,
    body: Body,
    argument: *mut c_void,
) -> c_int {
    type Function =
        unsafe extern "C-unwind" fn(*mut libc::pthread_t, *const libc::pthread_attr_t, Body, *mut c_void) -> c_int;
    const NAME: Name = name_of!(pthread_create);
    match special::pthread_create.get(NAME).or_else(|| special::pthread_create.ask(NAME)) {
        // SAFETY: the pointer is that function's, the arguments are the caller's.
        Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)(thread, attributes, body, argument) },
        None => libc::ENOSYS,
    }
}

/// The arguments of libc's `clone(2)`. The last three are optional there, and passed on as they are
/// found.
#[derive(Clone, Copy)]
pub struct CloneArguments {
    /// The function that the child runs.
    pub body: Option<extern "C" fn(*mut c_void) -> c_int>,
    /// The top of its stack.
    pub stack: *mut c_void,
    /// `CLONE_*`.
    pub flags: c_int,
    /// The argument of `body`.
    pub argument: *mut c_void,
    /// Parent tid, TLS and child tid.
    pub rest: [*mut c_void; 3],
}

/// `clone(2)`, libc's wrapper.
///
/// # Safety
/// As its man page says.
pub unsafe fn clone(given: CloneArguments) -> c_int {
    type Body = Option<extern "C" fn(*mut c_void) -> c_int>;
    type Pointer = *mut c_void;
    type Function = unsafe extern "C-unwind" fn(Body, Pointer, c_int, Pointer, Pointer, Pointer, Pointer) -> c_int;
    let CloneArguments { body, stack, flags, argument, rest: [ptid, tls, ctid] } = given;
    match special::clone.needed(name_of!(clone)) {
        // SAFETY: the pointer is that function's; on Linux a variadic function
        // takes its arguments where a plain one does.
        Some(at) => unsafe {
            core::mem::transmute::<Pointer, Function>(at)(body, stack, flags, argument, ptid, tls, ctid)
        },
        None => errno::fail(libc::ENOSYS),
    }
}

/// `_Fork(3)`, which exists since glibc 2.34. A program that calls it was built
/// against one that has it.
///
/// # Safety
/// As its man page says.
pub unsafe fn raw_fork() -> c_int {
    type Function = unsafe extern "C-unwind" fn() -> c_int;
    match special::_Fork.needed(name_of!(_Fork)) {
        // SAFETY: the pointer is that function's.
        Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)() },
        None => errno::fail(libc::ENOSYS),
    }
}

/// `forkpty(3)`, which is in libc since glibc 2.34. Before, it was in libutil. A plugin may have
/// loaded that for itself, where `RTLD_NEXT` does not find it: so it is also looked up in that
/// library by name, if the program has loaded it.
///
/// # Safety
/// As its man page says.
pub unsafe fn forkpty(
    terminal: *mut c_int,
    name: *mut c_char,
    settings: *const libc::termios,
    size: *const libc::winsize,
) -> c_int {
    type Function =
        unsafe extern "C-unwind" fn(*mut c_int, *mut c_char, *const libc::termios, *const libc::winsize) -> c_int;
    match special::forkpty.needed(name_of!(forkpty)).or_else(|| in_library(c"libutil.so.1", name_of!(forkpty))) {
        // SAFETY: the pointer is that function's.
        Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)(terminal, name, settings, size) },
        None => errno::fail(libc::ENOSYS),
    }
}

/// Looks up a function in a library that is loaded already. Not to be called in a signal handler.
fn in_library(library: &CStr, name: Name) -> Option<*mut c_void> {
    // SAFETY: constant, terminated names; the library stays loaded.
    let found = unsafe {
        let handle = libc::dlopen(library.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if handle.is_null() { handle } else { libc::dlsym(handle, name.text()) }
    };
    (!found.is_null()).then_some(found)
}

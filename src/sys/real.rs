//! libc's own functions, behind ours.
//!
//! Every pointer is resolved by the constructor, so that no hook ever calls
//! `dlsym`. A call that comes before the constructor (another library's, or
//! `malloc`'s initialisation) goes to the kernel by instruction where the
//! function is a system call; the few that are more than that resolve
//! themselves, which nothing but that early moment can see.
//!
//! redhook keeps its own pointers for the hooks that it exports; the constructor
//! touches those too. It is used for calls that every libc has and in which nobody
//! is cancelled. The others are not for it: its `catch_unwind` aborts the process
//! when a cancellation unwinds through (an asynchronous one may do so in any
//! call), and a symbol that is missing aborts as well.

use super::errno::call;
use core::ffi::{CStr, c_char, c_void};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use libc::{DIR, FILE, c_int, c_uint, epoll_event, mmsghdr, mode_t, msghdr, pid_t, sockaddr, socklen_t, timespec};
use softclose_core::sys::raw::nr;

static READY: AtomicBool = AtomicBool::new(false);

/// Whether the constructor has resolved everything.
pub fn is_ready() -> bool {
    READY.load(Ordering::Acquire)
}

/// One function of libc's, or of the next interposer's. The pointer comes first:
/// the `syscall` hook reads it by the address of its symbol.
#[repr(C)]
pub struct Symbol {
    at: AtomicPtr<c_void>,
    name: &'static CStr,
}

impl Symbol {
    const fn new(name: &'static CStr) -> Self {
        Self { name, at: AtomicPtr::new(ptr::null_mut()) }
    }

    fn resolve(&self) -> *mut c_void {
        // SAFETY: a constant, terminated name.
        let found = unsafe { libc::dlsym(libc::RTLD_NEXT, self.name.as_ptr()) };
        self.at.store(found, Ordering::Release);
        found
    }

    fn get(&self) -> Option<*mut c_void> {
        let found = self.at.load(Ordering::Acquire);
        (!found.is_null()).then_some(found)
    }
}

/// A module of symbols by the names of their functions.
macro_rules! symbols {
    ($module:ident: $($name:ident)*) => {
        #[allow(non_upper_case_globals)]
        mod $module {
            use super::Symbol;
            $( pub(super) static $name: Symbol = {
                // SAFETY: concat! with a zero byte is terminated, and has no other zero.
                let name = unsafe { core::ffi::CStr::from_bytes_with_nul_unchecked(concat!(stringify!($name), "\0").as_bytes()) };
                Symbol::new(name)
            }; )*
            pub(super) fn each(visit: impl Fn(&'static Symbol)) {
                $( visit(&$name); )*
            }
        }
    };
}

/// Defines the functions: a static symbol, and a call that falls back to a system
/// call where there is no pointer.
macro_rules! real {
    ($( $name:ident($($arg:ident: $type:ty),*) -> $ret:ty = $nr:expr; )*) => {
        $(
            /// libc's function of that name.
            ///
            /// # Safety
            /// As its man page says.
            pub unsafe fn $name($($arg: $type),*) -> $ret {
                type Function = unsafe extern "C-unwind" fn($($type),*) -> $ret;
                match symbols::$name.get() {
                    // SAFETY: the pointer is that function's, the arguments are the caller's.
                    Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)($($arg),*) },
                    // SAFETY: the same call, the same arguments.
                    None => unsafe { call($nr, arguments(&[$($arg as usize),*])) as $ret },
                }
            }
        )*

        symbols! { symbols: $($name)* }
    };
}

real! {
    close(fd: c_int) -> c_int = nr::CLOSE;
    accept(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t) -> c_int = nr::ACCEPT;
    accept4(fd: c_int, addr: *mut sockaddr, len: *mut socklen_t, flags: c_int) -> c_int = nr::ACCEPT4;
    socket(domain: c_int, kind: c_int, protocol: c_int) -> c_int = nr::SOCKET;
    dup(old: c_int) -> c_int = nr::DUP;
    dup2(old: c_int, new: c_int) -> c_int = nr::DUP2;
    dup3(old: c_int, new: c_int, flags: c_int) -> c_int = nr::DUP3;
    close_range(first: c_uint, last: c_uint, flags: c_int) -> c_int = nr::CLOSE_RANGE;
    shutdown(fd: c_int, how: c_int) -> c_int = nr::SHUTDOWN;
    setrlimit(resource: c_uint, limit: *const c_void) -> c_int = nr::SETRLIMIT;
    setrlimit64(resource: c_uint, limit: *const c_void) -> c_int = nr::SETRLIMIT;
    prlimit(pid: pid_t, resource: c_uint, new: *const c_void, old: *mut c_void) -> c_int = nr::PRLIMIT64;
    prlimit64(pid: pid_t, resource: c_uint, new: *const c_void, old: *mut c_void) -> c_int = nr::PRLIMIT64;
    setsockopt(fd: c_int, level: c_int, name: c_int, value: *const c_void, len: socklen_t) -> c_int = nr::SETSOCKOPT;
    epoll_create(size: c_int) -> c_int = nr::EPOLL_CREATE;
    epoll_create1(flags: c_int) -> c_int = nr::EPOLL_CREATE1;
    epoll_ctl(set: c_int, op: c_int, fd: c_int, event: *mut epoll_event) -> c_int = nr::EPOLL_CTL;
    epoll_wait(set: c_int, events: *mut epoll_event, most: c_int, ms: c_int) -> c_int = nr::EPOLL_WAIT;
    epoll_pwait(set: c_int, events: *mut epoll_event, most: c_int, ms: c_int, mask: *const c_void, size: usize)
        -> c_int = nr::EPOLL_PWAIT;
    epoll_pwait2(set: c_int, events: *mut epoll_event, most: c_int, time: *const timespec, mask: *const c_void, size: usize)
        -> c_int = nr::EPOLL_PWAIT2;
    open(path: *const c_char, flags: c_int, mode: mode_t) -> c_int = nr::OPEN;
    open64(path: *const c_char, flags: c_int, mode: mode_t) -> c_int = nr::OPEN;
    openat(dir: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int = nr::OPENAT;
    openat64(dir: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int = nr::OPENAT;
    __open_2(path: *const c_char, flags: c_int) -> c_int = nr::OPEN;
    __open64_2(path: *const c_char, flags: c_int) -> c_int = nr::OPEN;
    __openat_2(dir: c_int, path: *const c_char, flags: c_int) -> c_int = nr::OPENAT;
    __openat64_2(dir: c_int, path: *const c_char, flags: c_int) -> c_int = nr::OPENAT;
    creat(path: *const c_char, mode: mode_t) -> c_int = nr::CREAT;
    creat64(path: *const c_char, mode: mode_t) -> c_int = nr::CREAT;
    pipe(ends: *mut c_int) -> c_int = nr::PIPE;
    pipe2(ends: *mut c_int, flags: c_int) -> c_int = nr::PIPE2;
    socketpair(domain: c_int, kind: c_int, protocol: c_int, ends: *mut c_int) -> c_int = nr::SOCKETPAIR;
    eventfd(value: c_uint, flags: c_int) -> c_int = nr::EVENTFD2;
    timerfd_create(clock: c_int, flags: c_int) -> c_int = nr::TIMERFD_CREATE;
    inotify_init() -> c_int = nr::INOTIFY_INIT;
    inotify_init1(flags: c_int) -> c_int = nr::INOTIFY_INIT1;
    memfd_create(name: *const c_char, flags: c_uint) -> c_int = nr::MEMFD_CREATE;
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

fn arguments(given: &[usize]) -> [usize; 6] {
    let mut all = [0; 6];
    for (to, from) in all.iter_mut().zip(given) {
        *to = *from;
    }
    all
}

static PTHREAD_CREATE: Symbol = Symbol::new(c"pthread_create");
static CLOSESOCKET: Symbol = Symbol::new(c"closesocket");
static CLOSEFROM: Symbol = Symbol::new(c"closefrom");
static CLONE: Symbol = Symbol::new(c"clone");
static PIDFD_SPAWN: Symbol = Symbol::new(c"pidfd_spawn");
static PIDFD_SPAWNP: Symbol = Symbol::new(c"pidfd_spawnp");
static VFORK: Symbol = Symbol::new(c"vfork");
static RAW_FORK: Symbol = Symbol::new(c"_Fork");
static FORKPTY: Symbol = Symbol::new(c"forkpty");
/// `syscall(2)`.
pub static SYSCALL: Symbol = Symbol::new(c"syscall");

/// The functions of `exec(3)`.
#[derive(Clone, Copy)]
#[allow(missing_docs)]
pub enum Image {
    Execve,
    Execv,
    Execl,
    Execle,
    Execvp,
    Execvpe,
    Execlp,
    Fexecve,
    Execveat,
}

static IMAGES: [Symbol; 9] = [
    Symbol::new(c"execve"),
    Symbol::new(c"execv"),
    Symbol::new(c"execl"),
    Symbol::new(c"execle"),
    Symbol::new(c"execvp"),
    Symbol::new(c"execvpe"),
    Symbol::new(c"execlp"),
    Symbol::new(c"fexecve"),
    Symbol::new(c"execveat"),
];

const MORE: [&Symbol; 13] = [
    &REGISTER_ATFORK,
    &AT_QUICK_EXIT,
    &GNU_VERSION,
    &PTHREAD_CREATE,
    &CLOSESOCKET,
    &CLOSEFROM,
    &CLONE,
    &PIDFD_SPAWN,
    &PIDFD_SPAWNP,
    &VFORK,
    &RAW_FORK,
    &FORKPTY,
    &SYSCALL,
];

/// Resolves everything. Called by the constructor.
pub fn resolve_all() {
    symbols::each(|symbol| _ = symbol.resolve());
    more::each(|symbol| _ = symbol.resolve());
    MORE.iter().copied().chain(&IMAGES).for_each(|symbol| _ = symbol.resolve());
    READY.store(true, Ordering::Release);
}

/// `wordexp.h`
const WRDE_NOSPACE: c_int = 1;

/// Defines functions that are more than a system call: a static symbol, and a call
/// that fails with `ENOSYS`, and the answer given, where libc has none.
macro_rules! needed {
    ($( $name:ident($($arg:ident: $type:ty),*) -> $ret:ty = $failed:expr; )*) => {
        $(
            /// libc's function of that name.
            ///
            /// # Safety
            /// As its man page says; may unwind where it is a cancellation point.
            pub unsafe fn $name($($arg: $type),*) -> $ret {
                type Function = unsafe extern "C-unwind" fn($($type),*) -> $ret;
                match needed(&more::$name) {
                    // SAFETY: the pointer is that function's, the arguments are the caller's.
                    Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)($($arg),*) },
                    None => {
                        super::errno::set(libc::ENOSYS);
                        $failed
                    }
                }
            }
        )*
        symbols! { more: $($name)* }
    };
}

needed! {
    fclose(stream: *mut FILE) -> c_int = -1;
    freopen(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE = ptr::null_mut();
    freopen64(path: *const c_char, mode: *const c_char, stream: *mut FILE) -> *mut FILE = ptr::null_mut();
    system(command: *const c_char) -> c_int = -1;
    popen(command: *const c_char, mode: *const c_char) -> *mut FILE = ptr::null_mut();
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

/// For functions that are more than a system call: before the constructor they
/// have to be looked up, after it they are just read.
fn needed(symbol: &Symbol) -> Option<*mut c_void> {
    symbol.get().or_else(|| {
        let found = if is_ready() { ptr::null_mut() } else { symbol.resolve() };
        (!found.is_null()).then_some(found)
    })
}

/// Where a `closesocket` of some porting library is, for a jump.
pub fn closesocket_address() -> Option<*const c_void> {
    CLOSESOCKET.get().map(<*mut c_void>::cast_const)
}

/// `closefrom(3)`, which exists since glibc 2.34. Where there is none, the one that
/// a program finds in us is the system call.
///
/// # Safety
/// As its man page says.
pub unsafe fn closefrom(lowest: c_int) {
    type Function = unsafe extern "C-unwind" fn(c_int);
    match needed(&CLOSEFROM) {
        // SAFETY: the pointer is that function's.
        Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)(lowest) },
        // SAFETY: the caller's.
        None => _ = unsafe { close_range(lowest as c_uint, c_uint::MAX, 0) },
    }
}

/// `posix_spawn`, or the same with a descriptor of the process instead of its pid.
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
    let at = needed(if is_searched { &PIDFD_SPAWNP } else { &PIDFD_SPAWN })?;
    // SAFETY: the pointer is that function's.
    Some(unsafe { core::mem::transmute::<*mut c_void, Spawn>(at) })
}

static REGISTER_ATFORK: Symbol = Symbol::new(c"__register_atfork");
static AT_QUICK_EXIT: Symbol = Symbol::new(c"__cxa_at_quick_exit");
static GNU_VERSION: Symbol = Symbol::new(c"gnu_get_libc_version");

unsafe extern "C" {
    /// By which libc knows whose a handler is (C++ ABI 3.3.5).
    static __dso_handle: u8;
}

fn own_handle() -> *mut c_void {
    (&raw const __dso_handle).cast_mut().cast()
}

/// Whether libc is glibc. Called by the constructor.
pub fn is_glibc() -> bool {
    GNU_VERSION.get().is_some()
}

/// `pthread_atfork(3)`, which is linked statically, and calls this.
///
/// # Safety
/// The handlers live as long as the process.
pub unsafe fn register_atfork(prepare: extern "C" fn(), parent: extern "C" fn(), child: extern "C" fn()) {
    type Handler = extern "C" fn();
    type Function = unsafe extern "C" fn(Handler, Handler, Handler, *mut c_void) -> c_int;
    if let Some(at) = REGISTER_ATFORK.get() {
        // SAFETY: the pointer is that function's.
        unsafe { core::mem::transmute::<*mut c_void, Function>(at)(prepare, parent, child, own_handle()) };
    }
}

/// `at_quick_exit(3)`, the same.
///
/// # Safety
/// The handler lives as long as the process.
pub unsafe fn at_quick_exit(handler: extern "C" fn()) {
    type Function = unsafe extern "C" fn(extern "C" fn(), *mut c_void) -> c_int;
    if let Some(at) = AT_QUICK_EXIT.get() {
        // SAFETY: the pointer is that function's.
        unsafe { core::mem::transmute::<*mut c_void, Function>(at)(handler, own_handle()) };
    }
}

/// What a thread runs.
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
    let found = PTHREAD_CREATE.get().unwrap_or_else(|| PTHREAD_CREATE.resolve());
    if found.is_null() {
        return libc::ENOSYS;
    }
    // SAFETY: the pointer is that function's, the arguments are the caller's.
    unsafe { core::mem::transmute::<*mut c_void, Function>(found)(thread, attributes, body, argument) }
}

/// The arguments of `clone(2)` as libc has them; the last three are optional
/// there, and passed on as they are found.
#[derive(Clone, Copy)]
pub struct CloneArguments {
    /// What the child runs.
    pub body: Option<extern "C" fn(*mut c_void) -> c_int>,
    /// The top of its stack.
    pub stack: *mut c_void,
    /// `CLONE_*`.
    pub flags: c_int,
    /// What `body` is given.
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
    match needed(&CLONE) {
        // SAFETY: the pointer is that function's; on x86_64 a variadic function
        // takes its arguments where a plain one does.
        Some(at) => unsafe {
            core::mem::transmute::<Pointer, Function>(at)(body, stack, flags, argument, ptid, tls, ctid)
        },
        None => super::errno::fail(libc::ENOSYS),
    }
}

fn address(symbol: &Symbol) -> *const c_void {
    needed(symbol).map_or(missing as *const c_void, <*mut c_void>::cast_const)
}

/// A libc without the function is none that this shim was built for; but a jump
/// needs somewhere to go.
extern "C" fn missing() -> c_int {
    super::errno::fail(libc::ENOSYS)
}

/// Where `vfork(2)` is, for a jump.
pub fn vfork_address() -> *const c_void {
    address(&VFORK)
}

/// Where a function of `exec(3)` is, for a jump.
pub fn image_address(image: Image) -> *const c_void {
    IMAGES.get(image as usize).map_or(missing as *const c_void, address)
}

/// Defines the calls of [`Image`] that others can be made by.
macro_rules! images {
    ($($name:ident: $image:ident($($arg:ident: $type:ty),*);)*) => { $(
        /// libc's function of that name.
        ///
        /// # Safety
        /// As its man page says.
        pub unsafe fn $name($($arg: $type),*) -> c_int {
            type Function = unsafe extern "C-unwind" fn($($type),*) -> c_int;
            match IMAGES.get(Image::$image as usize).and_then(needed) {
                // SAFETY: the pointer is that function's, the arguments are the caller's.
                Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)($($arg),*) },
                None => super::errno::fail(libc::ENOSYS),
            }
        }
    )* };
}

type List = *const *const c_char;

images! {
    execve: Execve(path: *const c_char, argv: List, envp: List);
    execvpe: Execvpe(file: *const c_char, argv: List, envp: List);
    fexecve: Fexecve(fd: c_int, argv: List, envp: List);
    execveat: Execveat(dir: c_int, path: *const c_char, argv: List, envp: List, flags: c_int);
}

/// Where `syscall(2)` is, for a jump.
pub fn syscall_address() -> *const c_void {
    address(&SYSCALL)
}

/// `_Fork(3)`, which exists since glibc 2.34. A program that calls it was built
/// against one that has it.
///
/// # Safety
/// As its man page says.
pub unsafe fn raw_fork() -> c_int {
    type Function = unsafe extern "C-unwind" fn() -> c_int;
    match needed(&RAW_FORK) {
        // SAFETY: the pointer is that function's.
        Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)() },
        None => super::errno::fail(libc::ENOSYS),
    }
}

/// `forkpty(3)`, which is in libc since glibc 2.34. Before, it is in a library that a
/// plugin may have brought along, where nobody else finds it: that one is asked for by
/// name, as the program has it.
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
    match needed(&FORKPTY).or_else(|| in_library(c"libutil.so.1", &FORKPTY)) {
        // SAFETY: the pointer is that function's.
        Some(at) => unsafe { core::mem::transmute::<*mut c_void, Function>(at)(terminal, name, settings, size) },
        None => super::errno::fail(libc::ENOSYS),
    }
}

/// Not for what may be called in a signal handler.
fn in_library(library: &CStr, symbol: &Symbol) -> Option<*mut c_void> {
    // SAFETY: constant, terminated names; the library stays loaded.
    let found = unsafe {
        let handle = libc::dlopen(library.as_ptr(), libc::RTLD_LAZY | libc::RTLD_NOLOAD);
        if handle.is_null() { handle } else { libc::dlsym(handle, symbol.name.as_ptr()) }
    };
    (!found.is_null()).then_some(found)
}

//! `open(2)`, `pipe(2)`, `fopen(3)` and other calls that yield a descriptor which is no connection.
//! Where one fails because the process has run out of numbers, the drain gives up some of its own,
//! and the call is made again. Some are cancellation points: libc's functions are called without a
//! guard.

use crate::sys::real;
use crate::sys::retry::{is_out_of_numbers, with_free_number, with_free_number_where};
use core::ffi::{c_char, c_int, c_uint, c_void};
use libc::{DIR, FILE, mode_t};

/// Defines hooks of functions that fail with -1. A variadic function gets all of its arguments: on
/// Linux they lie where a plain function has them.
macro_rules! numbers {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => { $(
        #[doc = concat!("`", stringify!($name), "`.")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name($($arg: $type),*) -> c_int {
            // SAFETY: the program's own call.
            with_free_number(|| unsafe { real::$name($($arg),*) })
        }
    )* };
}

/// Defines hooks of functions that fail with a null pointer.
macro_rules! pointers {
    ($($name:ident($($arg:ident: $type:ty),*) -> $ret:ty;)*) => { $(
        #[doc = concat!("`", stringify!($name), "`.")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name($($arg: $type),*) -> *mut $ret {
            // SAFETY: the program's own call.
            let open = || unsafe { real::$name($($arg),*) };
            with_free_number_where(open, |found| found.is_null() && is_out_of_numbers())
        }
    )* };
}

numbers! {
    open(path: *const c_char, flags: c_int, mode: mode_t);
    open64(path: *const c_char, flags: c_int, mode: mode_t);
    openat(dir: c_int, path: *const c_char, flags: c_int, mode: mode_t);
    openat64(dir: c_int, path: *const c_char, flags: c_int, mode: mode_t);
    __open_2(path: *const c_char, flags: c_int);
    __open64_2(path: *const c_char, flags: c_int);
    __openat_2(dir: c_int, path: *const c_char, flags: c_int);
    __openat64_2(dir: c_int, path: *const c_char, flags: c_int);
    creat(path: *const c_char, mode: mode_t);
    creat64(path: *const c_char, mode: mode_t);
    pipe(ends: *mut c_int);
    pipe2(ends: *mut c_int, flags: c_int);
    eventfd(value: c_uint, flags: c_int);
    timerfd_create(clock: c_int, flags: c_int);
    inotify_init();
    inotify_init1(flags: c_int);
    memfd_create(name: *const c_char, flags: c_uint);
    signalfd(fd: c_int, mask: *const c_void, flags: c_int);
}

pointers! {
    fopen(path: *const c_char, mode: *const c_char) -> FILE;
    fopen64(path: *const c_char, mode: *const c_char) -> FILE;
    tmpfile() -> FILE;
    tmpfile64() -> FILE;
    opendir(path: *const c_char) -> DIR;
}

//! `setrlimit(2)` and `prlimit(2)` change a limit. softclose raises the soft limit of descriptors
//! for the length of some calls of its own; see [`softclose_core::sys::limit`]. It does not do so
//! right after the hook has begun, while the program changes the limit.

use crate::sys::guard::with_owner;
use crate::sys::real;
use core::ffi::{c_int, c_uint, c_void};
use libc::pid_t;

macro_rules! limits {
    ($($name:ident($($arg:ident: $type:ty),*);)*) => { $(
        #[doc = concat!("`", stringify!($name), "`.")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name($($arg: $type),*) -> c_int {
            with_owner(|owner| owner.keep_limit());
            // SAFETY: the program's own call.
            unsafe { real::$name($($arg),*) }
        }
    )* };
}

limits! {
    setrlimit(resource: c_uint, limit: *const c_void);
    setrlimit64(resource: c_uint, limit: *const c_void);
    prlimit(pid: pid_t, resource: c_uint, new: *const c_void, old: *mut c_void);
    prlimit64(pid: pid_t, resource: c_uint, new: *const c_void, old: *mut c_void);
}

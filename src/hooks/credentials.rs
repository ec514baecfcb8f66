//! `setuid(2)` and its family: libc changes the credentials of every thread that
//! it knows of. It does not know of the drain's, which would keep its privileges;
//! so that one is dismissed first. The next close starts another, with the
//! credentials of then.

use crate::sys::guard::dismiss;
use core::ffi::{c_char, c_int, c_void};
use libc::{gid_t, size_t, uid_t};

/// Defines one hook: dismiss, then libc's own.
macro_rules! dismissing {
    ($($name:ident($($arg:ident: $type:ty),*) => $ours:ident;)*) => {
        $(
            redhook::hook! {
                unsafe fn $name($($arg: $type),*) -> c_int => $ours {
                    dismiss();
                    // SAFETY: the program's own call.
                    unsafe { redhook::real!($name)($($arg),*) }
                }
            }
        )*

        /// Has redhook resolve them.
        pub fn touch() {
            $( let _ = redhook::real!($name); )*
        }
    };
}

dismissing! {
    setuid(uid: uid_t) => my_setuid;
    setgid(gid: gid_t) => my_setgid;
    seteuid(uid: uid_t) => my_seteuid;
    setegid(gid: gid_t) => my_setegid;
    setreuid(ruid: uid_t, euid: uid_t) => my_setreuid;
    setregid(rgid: gid_t, egid: gid_t) => my_setregid;
    setresuid(ruid: uid_t, euid: uid_t, suid: uid_t) => my_setresuid;
    setresgid(rgid: gid_t, egid: gid_t, sgid: gid_t) => my_setresgid;
    setgroups(count: size_t, list: *const gid_t) => my_setgroups;
    initgroups(user: *const c_char, group: gid_t) => my_initgroups;
    setfsuid(uid: uid_t) => my_setfsuid;
    setfsgid(gid: gid_t) => my_setfsgid;
    capset(header: *mut c_void, data: *const c_void) => my_capset;
}

//! `setuid(2)` and its family change the credentials of every thread that libc knows of. It does
//! not know the drain's thread, which would keep its privileges. So the hook ends that thread
//! before the call; the next close starts another, with the new credentials.
//!
//! A call that changes the effective user or group alone does not end the thread: the process
//! may change back at any time, so that the thread keeps no right that the others have lost. File
//! servers make such calls all the time.
//!
//! Right after a call by which a process has lost its user for good, the process leaves the memory
//! that it shares with processes that still have that user.

use crate::sys::guard::{dismiss, with_owner};
use crate::sys::{errno, real};
use core::ffi::{c_char, c_int, c_void};
use libc::{gid_t, size_t, uid_t};

/// Defines hooks that make libc's call inside of `$own_call`.
macro_rules! dismissing {
    ($($name:ident($($arg:ident: $type:ty),*) => $own_call:ident;)*) => {
        $(
            #[doc = concat!("`", stringify!($name), "(2)`.")]
            #[unsafe(no_mangle)]
            pub unsafe extern "C-unwind" fn $name($($arg: $type),*) -> c_int {
                // SAFETY: the program's own call.
                $own_call(|| unsafe { real::$name($($arg),*) })
            }
        )*
    };
}

dismissing! {
    setuid(uid: uid_t) => changing_user;
    setgid(gid: gid_t) => alone;
    seteuid(uid: uid_t) => changing_effective_user;
    setreuid(ruid: uid_t, euid: uid_t) => changing_user;
    setregid(rgid: gid_t, egid: gid_t) => alone;
    setresuid(ruid: uid_t, euid: uid_t, suid: uid_t) => changing_user;
    setresgid(rgid: gid_t, egid: gid_t, sgid: gid_t) => alone;
    setgroups(count: size_t, list: *const gid_t) => alone;
    capset(header: *mut c_void, data: *const c_void) => alone;
}

redhook::hook! {
    unsafe fn initgroups(user: *const c_char, group: gid_t) -> c_int => my_initgroups {
        // SAFETY: the program's own call.
        alone(|| unsafe { redhook::real!(initgroups)(user, group) })
    }
}

/// Makes a call that must find no thread of ours.
fn alone(own_call: impl FnOnce() -> c_int + Copy) -> c_int {
    let _dismissed = dismiss();
    own_call()
}

/// Makes a call that may take the real or saved user away.
fn changing_user(own_call: impl FnOnce() -> c_int + Copy) -> c_int {
    let _dismissed = dismiss();
    changing_effective_user(own_call)
}

/// Makes a call that may take the effective user away.
fn changing_effective_user(own_call: impl FnOnce() -> c_int + Copy) -> c_int {
    with_owner(|owner| owner.may_change_user());
    let result = own_call();
    with_owner(|owner| owner.has_changed_user());
    result
}

/// Makes such a call by `syscall(2)`, which changes the calling thread only. That thread loses its
/// user, and the shared memory is that of all threads: so the process leaves it as well.
///
/// # Safety
/// As the call of that number.
pub unsafe fn change_user(number: usize, users: [uid_t; 3]) -> c_int {
    let [a, b, c] = users.map(|user| user as usize);
    // SAFETY: integers.
    changing_user(|| unsafe { errno::call(number, [a, b, c]) } as c_int)
}

//! `posix_spawn(3)` and `posix_spawnp(3)`: another program gets what it is given,
//! by inheritance or by file actions that nobody can look into.

use crate::sys::guard::Guard;
use core::ffi::{c_char, c_int};
use libc::{pid_t, posix_spawn_file_actions_t, posix_spawnattr_t};
use softclose_core::Pid;

redhook::hook! {
    unsafe fn posix_spawn(
        pid: *mut pid_t, path: *const c_char, actions: *const posix_spawn_file_actions_t,
        attributes: *const posix_spawnattr_t, argv: *const *mut c_char, envp: *const *mut c_char
    ) -> c_int => my_posix_spawn {
        spawned(pid, |pid| {
            // SAFETY: the program's own call.
            unsafe { redhook::real!(posix_spawn)(pid, path, actions, attributes, argv, envp) }
        })
    }
}

redhook::hook! {
    unsafe fn posix_spawnp(
        pid: *mut pid_t, file: *const c_char, actions: *const posix_spawn_file_actions_t,
        attributes: *const posix_spawnattr_t, argv: *const *mut c_char, envp: *const *mut c_char
    ) -> c_int => my_posix_spawnp {
        spawned(pid, |pid| {
            // SAFETY: the program's own call.
            unsafe { redhook::real!(posix_spawnp)(pid, file, actions, attributes, argv, envp) }
        })
    }
}

/// Has redhook resolve them.
pub fn touch() {
    let _ = redhook::real!(posix_spawn);
    let _ = redhook::real!(posix_spawnp);
}

/// The program need not ask for the pid; we do.
fn spawned(pid: *mut pid_t, own_call: impl FnOnce(*mut pid_t) -> c_int) -> c_int {
    let Some(guard) = Guard::enter() else { return own_call(pid) };
    let owner = guard.owner();
    if let Some(owner) = owner {
        owner.before_spawn();
    }
    let mut ours: pid_t = 0;
    let result = guard.own_call(|| own_call(&raw mut ours));
    if result == 0 {
        if let Some(owner) = owner {
            owner.spawned(Pid::from_raw(ours));
        }
        if !pid.is_null() {
            // SAFETY: where the program wants its pid.
            unsafe { *pid = ours };
        }
    }
    result
}

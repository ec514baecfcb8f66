//! `posix_spawn(3)`, `posix_spawnp(3)`, and `pidfd_spawn`, `pidfd_spawnp` of glibc 2.39 execute
//! another program in a child. Before the call, what that program inherits, and what file actions
//! give to it, is counted for it. After the call, the hook adds the child's pid.

use super::exec::searched;
use crate::sys::environment::{self, Extended};
use crate::sys::guard::{with_owner, without_cancellation};
use crate::sys::retry::with_free_process;
use crate::sys::{real, spawn};
use core::ffi::{c_char, c_int};
use libc::{AT_FDCWD, E2BIG, EAGAIN, pid_t, posix_spawn_file_actions_t, posix_spawnattr_t};
use softclose_core::Pid;
use softclose_core::holders::ledger::{Child, Return, Ticket};
use softclose_core::image::{Attempt, Candidate, Loader};
use softclose_core::sys::process;

type Actions = *const posix_spawn_file_actions_t;
type Environment = *const *mut c_char;

/// `posix_spawn(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn posix_spawn(
    pid: *mut pid_t,
    path: *const c_char,
    actions: Actions,
    attributes: *const posix_spawnattr_t,
    argv: *const *mut c_char,
    envp: Environment,
) -> c_int {
    // SAFETY: the program's own call.
    let own_call = |pid, envp| unsafe { real::posix_spawn(pid, path, actions, attributes, argv, envp) };
    without_cancellation(|| named(pid, Candidate::at(AT_FDCWD, path), actions, envp, own_call))
}

/// `posix_spawnp(3)`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn posix_spawnp(
    pid: *mut pid_t,
    file: *const c_char,
    actions: Actions,
    attributes: *const posix_spawnattr_t,
    argv: *const *mut c_char,
    envp: Environment,
) -> c_int {
    // SAFETY: the program's own call.
    let own_call = |pid, envp| unsafe { real::posix_spawnp(pid, file, actions, attributes, argv, envp) };
    without_cancellation(|| named(pid, searched(file), actions, envp, own_call))
}

/// `pidfd_spawn`, which yields a descriptor of the process.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pidfd_spawn(
    pidfd: *mut c_int,
    path: *const c_char,
    actions: Actions,
    attributes: *const posix_spawnattr_t,
    argv: *const *mut c_char,
    envp: *const *mut c_char,
) -> c_int {
    match real::pidfd_spawn(false) {
        Some(spawn) => without_cancellation(|| {
            // SAFETY: the program's own call.
            nameless(actions, || unsafe { spawn(pidfd, path, actions, attributes, argv, envp) })
        }),
        // SAFETY: as above.
        None => with_pidfd(pidfd, |pid| unsafe { posix_spawn(pid, path, actions, attributes, argv, envp) }),
    }
}

/// `pidfd_spawnp`, as `pidfd_spawn`, for a file that is searched in `PATH`.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn pidfd_spawnp(
    pidfd: *mut c_int,
    file: *const c_char,
    actions: Actions,
    attributes: *const posix_spawnattr_t,
    argv: *const *mut c_char,
    envp: *const *mut c_char,
) -> c_int {
    match real::pidfd_spawn(true) {
        Some(spawn) => without_cancellation(|| {
            // SAFETY: the program's own call.
            nameless(actions, || unsafe { spawn(pidfd, file, actions, attributes, argv, envp) })
        }),
        // SAFETY: as above.
        None => with_pidfd(pidfd, |pid| unsafe { posix_spawnp(pid, file, actions, attributes, argv, envp) }),
    }
}

/// `pidfd_spawn` by `spawn`, where libc has none: a program that asks whether libc has the function
/// finds ours, and so it must work. A number is taken before the call, so that one is free after it.
fn with_pidfd(pidfd: *mut c_int, spawn: impl FnOnce(*mut pid_t) -> c_int) -> c_int {
    let place = match process::open(process::pid()) {
        Ok(place) => place,
        Err(errno) => return errno.raw_os_error(),
    };
    let mut pid = 0;
    let result = spawn(&raw mut pid);
    place.close();
    if result != 0 {
        return result;
    }
    match process::open(Pid::from_raw(pid)) {
        Ok(fd) => {
            // SAFETY: where the program wants it.
            unsafe { *pidfd = fd.raw() };
            0
        }
        Err(errno) => errno.raw_os_error(),
    }
}

/// Spawns `candidate` by `own_call`, and notes its pid, which the program need not ask for.
fn named(
    pid: *mut pid_t,
    candidate: Candidate<'_>,
    actions: Actions,
    envp: Environment,
    own_call: impl Fn(*mut pid_t, Environment) -> c_int + Copy,
) -> c_int {
    let mut ours: pid_t = 0;
    let at = &raw mut ours;
    let result = spawned(|| {
        counted(candidate, actions, envp, |envp| match own_call(at, envp) {
            // SAFETY: written by the call.
            0 => Ok(Pid::from_raw(unsafe { *at })),
            error => Err(error),
        })
    });
    if let (0, Some(child)) = result {
        with_owner(|owner| owner.spawned(Some(child)));
        if !pid.is_null() {
            // SAFETY: where the program wants its pid.
            unsafe { *pid = child.as_raw_nonzero().get() };
        }
    }
    result.0
}

/// Counts what the new program gets, and makes the call. The program is told of the count by a
/// variable in its environment, where there is room for one.
fn counted(
    candidate: Candidate<'_>,
    actions: Actions,
    envp: Environment,
    own_call: impl Fn(Environment) -> Result<Option<Pid>, c_int> + Copy,
) -> (c_int, Option<Pid>) {
    // SAFETY: what the program gives to `posix_spawn`.
    let Some(execution) = (unsafe { spawn::count(actions) }) else { return of(own_call(envp)) };
    let loader = || Attempt { candidate, lists: &[] }.loader();
    let ticket = execution.ticket.filter(|_| environment::is_stack_deep());
    let result = match ticket.and_then(|ticket| Some((ticket, loader()?))) {
        Some((ticket, loader)) => told(ticket, loader, envp, own_call),
        None => own_call(envp),
    };
    spawn::counted(execution, result.ok().flatten());
    of(result)
}

/// Makes the call with the variable, and without it where the environment would be too long.
#[inline(never)]
fn told(
    ticket: Ticket,
    loader: Loader,
    envp: Environment,
    own_call: impl Fn(Environment) -> Result<Option<Pid>, c_int> + Copy,
) -> Result<Option<Pid>, c_int> {
    let mut extended = Extended::new();
    match extended.with(envp.cast(), ticket, loader).map(|longer| own_call(longer.cast())) {
        None | Some(Err(E2BIG)) => own_call(envp),
        Some(result) => result,
    }
}

/// The result of libc's function, and the child's pid.
fn of(result: Result<Option<Pid>, c_int>) -> (c_int, Option<Pid>) {
    match result {
        Ok(pid) => (0, pid),
        Err(error) => (error, None),
    }
}

/// Spawns a program by `own_call`, which does not tell its pid.
fn nameless(actions: Actions, own_call: impl Fn() -> c_int + Copy) -> c_int {
    let result = spawned(|| {
        // SAFETY: what the program gives to `posix_spawn`.
        unsafe { spawn::hand_kept_and(actions) };
        (own_call(), None)
    });
    if result.0 == 0 {
        with_owner(|owner| owner.spawned(None));
    }
    result.0
}

/// Makes a call that spawns a program, again where the process may have no further one.
fn spawned(own_call: impl Fn() -> (c_int, Option<Pid>) + Copy) -> (c_int, Option<Pid>) {
    spawn::begin(Child::Executes, Return::Seen);
    let result = with_free_process(own_call, |&(result, _)| result == EAGAIN);
    spawn::end(Child::Executes);
    result
}

//! `clone(2)`, libc's wrapper, makes a thread or a child process that runs a function of the
//! program's. No handler of `pthread_atfork` runs. Before the call, a child process is counted
//! as a holder of every descriptor that is open. A thread changes nothing.

use crate::sys::guard::{ENGINE, with_owner};
use crate::sys::real::{self, CloneArguments};
use crate::sys::retry::{is_refused, with_free_process};
use crate::sys::spawn;
use core::ffi::{c_int, c_void};
use libc::{CLONE_FILES, CLONE_NEWPID, CLONE_THREAD, CLONE_VFORK, CLONE_VM};
use softclose_core::Pid;
use softclose_core::holders::ledger::{Child, Return};
use softclose_core::sys::probe;

/// `clone(2)`. In C the last three arguments are variadic: they are passed on as they are found.
#[unsafe(no_mangle)]
pub unsafe extern "C-unwind" fn clone(
    body: Option<extern "C" fn(*mut c_void) -> c_int>,
    stack: *mut c_void,
    flags: c_int,
    argument: *mut c_void,
    ptid: *mut c_void,
    tls: *mut c_void,
    ctid: *mut c_void,
) -> c_int {
    let given = CloneArguments { body, stack, flags, argument, rest: [ptid, tls, ctid] };
    // SAFETY: the program's own call.
    let own_call = || unsafe { real::clone(given) };
    let own_call = || with_free_process(own_call, is_refused);
    if flags & CLONE_THREAD != 0 { own_call() } else { process(flags, own_call) }
}

fn process(flags: c_int, own_call: impl FnOnce() -> c_int + Copy) -> c_int {
    before(flags, Return::Seen);
    let has_double = may_have_double(flags);
    let result = own_call();
    // Without CLONE_VFORK the child goes on running on our memory.
    if has_double && (result < 0 || flags & CLONE_VFORK != 0) {
        has_no_double();
    }
    spawn::end(child_of(flags));
    if result > 0 {
        with_owner(|owner| owner.spawned(Pid::from_raw(result)));
    }
    result
}

/// Before a call that returns twice or is jumped through, so that no hook sees it return.
pub fn before_by_number(flags: c_int) {
    if flags & CLONE_THREAD == 0 {
        // No hook between the note and the call: the thread would seem to have gone on.
        with_owner(|owner| owner.spawned(None));
        before(flags, Return::Unseen);
        may_have_double(flags);
    }
}

/// Before `clone3(2)` by number. Its flags are the first word of what `arguments` points to.
pub fn before_clone3(arguments: usize) {
    // SAFETY: any bytes are flags.
    let flags = unsafe { probe::read(arguments as *const u64) };
    // Flags that cannot be read may be the worst ones.
    before_by_number(flags.map_or(CLONE_FILES, |flags| flags as c_int));
}

fn before(flags: c_int, end: Return) {
    // A process that shares our descriptor table closes and copies in it, and no hook counts that.
    if flags & CLONE_FILES != 0 {
        with_owner(|owner| {
            owner.splits_table();
            owner.blinded();
        });
    }
    spawn::begin(child_of(flags), end);
    if child_of(flags) == Child::RunsOn {
        spawn::leak_all();
    }
}

/// What the child does. With `CLONE_VFORK` the calling thread waits until the child executes
/// another program or ends.
fn child_of(flags: c_int) -> Child {
    if flags & CLONE_VFORK != 0 { Child::Borrows } else { Child::RunsOn }
}

/// Before a child is made that runs on our memory. It may have our pid in a pid namespace of its
/// own, and the pid test would take it for this process. Answers whether that is so.
fn may_have_double(flags: c_int) -> bool {
    let on_our_memory = flags & CLONE_VM != 0;
    on_our_memory && ENGINE.get().is_some_and(|engine| engine.ledger.may_have_double(flags & CLONE_NEWPID != 0))
}

fn has_no_double() {
    if let Some(engine) = ENGINE.get() {
        engine.ledger.has_no_double();
    }
}

//! The cancel state of a thread while a hook is in the engine.
//!
//! A signal handler may leave a hook by `siglongjmp`. Then its guard is never dropped, and the
//! thread stays uncancellable. So each thread notes where on its stack its guard is, and the
//! state that the guard found. The next guard of the thread compares: one that lies further up
//! the stack than the noted one was not made inside it, so that the noted one was left. It takes
//! over the noted state. This does not hold for a handler on an alternate stack, which is asked
//! for.

use super::ENGINE;
use crate::sys::local::local;
use crate::sys::real;
use core::mem::MaybeUninit;
use libc::c_int;
use softclose_core::sys::thread;

const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// Where on the stack a guard of the thread was made, 0 for none, and the cancel state that it
/// found. Cancellation is enabled (0) until a guard has found it disabled.
#[derive(Clone, Copy)]
pub struct Inside {
    frame: usize,
    cancel: c_int,
}

/// What is to be restored when a guard is dropped.
pub struct Disabled {
    cancel: c_int,
    /// The note of the hook that a signal handler has interrupted, if this guard is in that
    /// handler.
    outer: Inside,
}

impl Disabled {
    /// Disables cancellation of the calling thread. The note is made before the state is known;
    /// until then it has the state that was found the last time.
    pub fn disable() -> Self {
        let mut found = 0;
        let frame = (&raw const found).addr();
        let outer = local().inside.get();
        let is_left = outer.frame <= frame && !(outer.frame != 0 && is_on_another_stack(outer.frame));
        local().inside.set(Inside { frame, ..outer });
        // SAFETY: disabling runs no handler and cannot unwind.
        unsafe { real::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut found) };
        let cancel = if is_left && outer.frame != 0 { outer.cancel } else { found };
        local().inside.set(Inside { frame, cancel });
        Self { cancel, outer: if is_left { Inside { frame: 0, cancel } } else { outer } }
    }

    /// Restores the cancel state, and then the note.
    pub fn restore(&self) {
        let mut ours = 0;
        // SAFETY: enabling acts on a pending cancellation only where the program
        // has made its thread asynchronously cancellable.
        unsafe { real::pthread_setcancelstate(self.cancel, &raw mut ours) };
        local().inside.set(self.outer);
    }
}

/// Whether the thread is in a handler on an alternate stack, and `frame` is not on that stack. Then
/// it does not matter which of the two is higher: the handler may have interrupted the hook.
#[cold]
#[inline(never)]
fn is_on_another_stack(frame: usize) -> bool {
    let mut stack = MaybeUninit::<libc::stack_t>::zeroed();
    // SAFETY: nothing is set, and what is asked for is written to memory of that type.
    let asked = unsafe { libc::sigaltstack(core::ptr::null(), stack.as_mut_ptr()) };
    // SAFETY: all zeroes is such a value, too.
    let libc::stack_t { ss_sp, ss_flags, ss_size } = unsafe { stack.assume_init() };
    asked == 0 && ss_flags & libc::SS_ONSTACK != 0 && frame.wrapping_sub(ss_sp.addr()) >= ss_size
}

/// Does something on the way to a new process with cancellation disabled, that is no cancellation point
/// natively. A thread that can be cancelled at any instruction is cancelled when it is over.
///
/// Where such a cancellation meets an instruction of a frame that has something to drop, and that is not
/// a call, Rust's personality function finds no entry for it, and the process is aborted
/// (`find_eh_action` in std). So this frame, and the hook's, have nothing to drop.
pub fn without_cancellation<T: Copy>(own_call: impl FnOnce() -> T + Copy) -> T {
    if ENGINE.get().is_none() || !thread::has_storage() {
        return own_call();
    }
    let disabled = Disabled::disable();
    let result = apart(own_call);
    disabled.restore();
    result
}

/// In a frame of its own, which may have something to drop.
#[inline(never)]
fn apart<T>(own_call: impl FnOnce() -> T) -> T {
    own_call()
}

/// Acts on a cancellation that is pending, where libc knows of this thread. To be called with no guard held, in a frame
/// with nothing to drop.
///
/// # Safety
/// May unwind; every frame up to the program's must allow it.
pub unsafe fn act_on_cancellation() {
    if real::is_ready() && thread::has_storage() {
        // SAFETY: the caller's.
        unsafe { real::pthread_testcancel() }
    }
}

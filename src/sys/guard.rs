//! The only way from a hook to the engine.
//!
//! While a [`Guard`] is held the thread cannot be cancelled, and when it is
//! dropped `errno` and the cancel state are what they were. Nothing of the
//! engine can be called without one.
//!
//! A function of libc's that may be cancelled natively must be called without a
//! guard, in a frame that has nothing to drop: the cancellation unwinds through
//! it (`extern "C-unwind"`, Rust RFC 2945: plain old frames).
//!
//! Context: any hook. Async-signal-safe.

use super::{errno, real};
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};
use libc::c_int;
use once_cell::race::OnceRef;
use softclose_core::engine::Engine;
use softclose_core::ledger::Owner;

/// Filled by the constructor, unless softclose is disabled.
pub static ENGINE: OnceRef<'static, Engine> = OnceRef::new();

unsafe extern "C-unwind" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
    fn pthread_testcancel();
}

/// Set when the program sandboxes itself: no system call of ours any more.
static PASSIVE: AtomicBool = AtomicBool::new(false);

/// The program installs a seccomp filter, which allows what *it* needs: from here
/// on every hook passes through, in its children too. The drain's thread, which
/// the filter may reach, is dismissed first.
pub fn become_passive() {
    if engine().is_some() {
        dismiss();
        with_owner(|owner| owner.goes_unseen());
        PASSIVE.store(true, Ordering::SeqCst);
    }
}

const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// The engine, where hooks are to use it.
pub fn engine() -> Option<&'static Engine> {
    if PASSIVE.load(Ordering::Relaxed) { None } else { ENGINE.get() }
}

/// Held while a hook is in the engine.
pub struct Guard {
    engine: &'static Engine,
    errno: Cell<c_int>,
    cancel: c_int,
}

impl Guard {
    /// `None` before the constructor and where softclose is disabled: the hook
    /// passes through.
    pub fn enter() -> Option<Self> {
        let engine = engine()?;
        let errno = Cell::new(errno::get());
        let mut cancel = 0;
        // SAFETY: disabling runs no handler and cannot unwind.
        unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut cancel) };
        Some(Self { engine, errno, cancel })
    }

    /// The engine.
    pub fn engine(&self) -> &'static Engine {
        self.engine
    }

    /// The pid test; see [`softclose_core::ledger`].
    pub fn owner(&self) -> Option<Owner<'_>> {
        self.engine.ledger.owner()
    }

    /// The program's own call, whose `errno` is the one to leave behind.
    pub fn own_call<T>(&self, call: impl FnOnce() -> T) -> T {
        errno::set(self.errno.get());
        let result = call();
        self.errno.set(errno::get());
        result
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut ours = 0;
        // SAFETY: enabling acts on a pending cancellation only where the program
        // has made its thread asynchronously cancellable.
        unsafe { pthread_setcancelstate(self.cancel, &raw mut ours) };
        errno::set(self.errno.get());
    }
}

/// Runs `act` with a guard held, where the memory of the engine is this process'.
pub fn with_engine(act: impl FnOnce(&'static Engine, Owner<'_>)) {
    if let Some(guard) = Guard::enter()
        && let Some(owner) = guard.owner()
    {
        act(guard.engine(), owner);
    }
}

/// As [`with_engine`], for what only the ledger minds.
pub fn with_owner(act: impl FnOnce(Owner<'_>)) {
    with_engine(|_, owner| act(owner));
}

/// Has the drain end what it holds, and its thread leave, before the program does
/// what must find no thread of ours.
pub fn dismiss() {
    if let Some(guard) = Guard::enter()
        && guard.owner().is_some()
    {
        guard.engine().drain.dismiss();
    }
}

/// Makes a call that yields a descriptor, and once more where the process has run
/// out of numbers and some of them are ours. `own_call` may unwind.
pub fn with_relief(own_call: impl Fn() -> c_int) -> c_int {
    let result = own_call();
    if result < 0 && errno::get() == libc::EMFILE && was_relieved() { own_call() } else { result }
}

fn was_relieved() -> bool {
    Guard::enter().is_some_and(|guard| guard.owner().is_some() && guard.engine().drain.relieve())
}

/// Acts on a cancellation that was held back: to be called with no guard held, in
/// a frame with nothing to drop.
///
/// # Safety
/// May unwind; every frame up to the program's must allow it.
pub unsafe fn act_on_cancellation() {
    if real::is_ready() {
        // SAFETY: the caller's.
        unsafe { pthread_testcancel() }
    }
}

//! The only way from a hook to the engine.
//!
//! While a [`Guard`] is held the thread cannot be cancelled, and when it is
//! dropped `errno` and the cancel state are what they were. Nothing of the
//! engine can be called without one.
//!
//! A signal handler may leave a hook by `siglongjmp`, so that its guard is never
//! dropped. Where that would leave something behind, signals are held back
//! ([`Guard::hold_signals`]). Elsewhere it is the cancel state alone, which the next
//! guard of the thread puts right: a guard further up the stack than an older one was
//! not made inside it, unless a handler on an alternate stack makes it.
//!
//! A function of libc's that may be cancelled natively must be called without a
//! guard, in a frame that has nothing to drop: the cancellation unwinds through
//! it (`extern "C-unwind"`, Rust RFC 2945: plain old frames).
//!
//! Context: any hook. Async-signal-safe.

use super::{errno, real};
use core::cell::Cell;
use core::mem::MaybeUninit;
use core::sync::atomic::{AtomicBool, Ordering};
use libc::c_int;
use once_cell::race::OnceRef;
use softclose_core::drain::dismissal::Dismissed;
use softclose_core::engine::Engine;
use softclose_core::holders::ledger::Owner;
use softclose_core::sys::signals::{self, Mask};
use softclose_core::sys::{clock, thread};

/// Filled by the constructor, unless softclose is disabled.
pub static ENGINE: OnceRef<'static, Engine> = OnceRef::new();

unsafe extern "C-unwind" {
    fn pthread_setcancelstate(state: c_int, old: *mut c_int) -> c_int;
    fn pthread_testcancel();
}

/// Set when the program sandboxes itself: no system call of ours any more.
static PASSIVE: AtomicBool = AtomicBool::new(false);

/// The program installs a seccomp filter, which allows what *it* needs: from here
/// on every hook passes through, in its children too. What the filter may reach has gone when
/// this returns: the threads of the drain, and hooks that other threads are in.
pub fn become_passive() {
    let Some(guard) = Guard::enter() else { return };
    PASSIVE.store(true, Ordering::SeqCst);
    let engine = guard.engine();
    match guard.owner() {
        Some(owner) => {
            // For ever.
            core::mem::forget(engine.drain.dismiss());
            owner.goes_unseen();
            engine.presence.await_all_but(1);
        }
        None => engine.ledger.hand_on_all(),
    }
}

const PTHREAD_CANCEL_DISABLE: c_int = 1;

/// The engine, where hooks are to use it.
pub fn engine() -> Option<&'static Engine> {
    if PASSIVE.load(Ordering::SeqCst) { None } else { ENGINE.get() }
}

/// In a fork child, ahead of its first hook: those of the parent's threads are not in it.
pub fn forget_hooks() {
    if let Some(engine) = ENGINE.get() {
        engine.presence.forget();
    }
}

/// Answers what the thread was inside of, and the cancel state to restore. What is noted
/// before the state is known is what it was the last time.
fn disable_cancellation() -> (Inside, c_int) {
    let mut found = 0;
    let frame = (&raw const found).addr();
    let outer = INSIDE.get();
    let is_left = outer.frame <= frame && !(outer.frame != 0 && is_on_another_stack(outer.frame));
    INSIDE.set(Inside { frame, ..outer });
    // SAFETY: disabling runs no handler and cannot unwind.
    unsafe { pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &raw mut found) };
    let cancel = if is_left && outer.frame != 0 { outer.cancel } else { found };
    INSIDE.set(Inside { frame, cancel });
    (if is_left { Inside { frame: 0, cancel } } else { outer }, cancel)
}

/// Whether this is a handler on an alternate stack, and that frame is not on it: then which of
/// both is higher says nothing, and the handler may have interrupted the other.
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

/// Held while a hook is in the engine.
pub struct Guard {
    engine: &'static Engine,
    errno: Cell<c_int>,
    cancel: c_int,
    /// That of the hook which a signal handler with this one in it has interrupted.
    outer: Inside,
    signals: Cell<Option<Mask>>,
}

/// Where on the stack a guard of the thread was made, 0 for none, and the cancel state
/// that it found.
#[derive(Clone, Copy)]
struct Inside {
    frame: usize,
    cancel: c_int,
}

impl Inside {
    /// Cancellation is enabled as long as nobody has seen it disabled.
    const NONE: Self = Self { frame: 0, cancel: 0 };
}

thread_local! {
    static INSIDE: Cell<Inside> = const { Cell::new(Inside::NONE) };
}

impl Guard {
    /// `None` before the constructor and where softclose is disabled: the hook
    /// passes through.
    pub fn enter() -> Option<Self> {
        let engine = ENGINE.get()?;
        engine.presence.enter(thread::number() as usize);
        // In this order: who sandboxes the program does it the other way round.
        if PASSIVE.load(Ordering::SeqCst) {
            engine.presence.leave(thread::number() as usize);
            return None;
        }
        let errno = Cell::new(errno::get());
        let (outer, cancel) = disable_cancellation();
        let guard = Self { engine, errno, cancel, outer, signals: Cell::new(None) };
        if engine.ledger.is_any_making() {
            guard.goes_on();
        }
        Some(guard)
    }

    /// What this thread made by a call whose return no hook saw, it has made.
    #[cold]
    #[inline(never)]
    fn goes_on(&self) {
        if let Some(owner) = self.owner() {
            owner.goes_on();
        }
    }

    /// The engine.
    pub fn engine(&self) -> &'static Engine {
        self.engine
    }

    /// The pid test; see [`softclose_core::holders::ledger`].
    pub fn owner(&self) -> Option<Owner<'_>> {
        self.engine.ledger.owner()
    }

    /// No signal handler runs until the guard is dropped.
    pub fn hold_signals(&self) {
        self.signals.set(signals::hold());
    }

    /// They run again.
    pub fn let_signals_in(&self) {
        self.signals.take().into_iter().for_each(Mask::let_in);
    }

    /// The caller lets them in, by [`let_signals_in`], and is in the engine until then.
    pub fn take_signals(&self) -> Option<Mask> {
        let mask = self.signals.take();
        if mask.is_some() {
            self.engine.presence.enter(thread::number() as usize);
        }
        mask
    }

    /// The program's own call, whose `errno` is the one to leave behind.
    pub fn own_call<T>(&self, call: impl FnOnce() -> T) -> T {
        errno::set(self.errno.get());
        let result = call();
        self.errno.set(errno::get());
        result
    }
}

/// What was held back is delivered.
pub fn let_signals_in(signals: Option<Mask>) {
    if let (Some(mask), Some(engine)) = (signals, ENGINE.get()) {
        mask.let_in();
        engine.presence.leave(thread::number() as usize);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        let mut ours = 0;
        // SAFETY: enabling acts on a pending cancellation only where the program
        // has made its thread asynchronously cancellable.
        unsafe { pthread_setcancelstate(self.cancel, &raw mut ours) };
        INSIDE.set(self.outer);
        errno::set(self.errno.get());
        // A handler may not come back.
        self.let_signals_in();
        self.engine.presence.leave(thread::number() as usize);
    }
}

/// Runs `act` with a guard held, whosever the memory of the engine is.
pub fn with_guard(act: impl FnOnce(&'static Engine, &Guard)) {
    if let Some(guard) = Guard::enter() {
        act(guard.engine(), &guard);
    }
}

/// As [`with_guard`], where the memory of the engine is this process'.
pub fn with_engine(act: impl FnOnce(&'static Engine, Owner<'_>)) {
    with_guard(|engine, guard| {
        if let Some(owner) = guard.owner() {
            act(engine, owner);
        }
    });
}

/// As [`with_engine`], for what only the ledger minds.
pub fn with_owner(act: impl FnOnce(Owner<'_>)) {
    with_engine(|_, owner| act(owner));
}

/// Has the drain end what it holds, and its thread leave, before the program does
/// what must find no thread of ours; there is none until the answer is dropped.
pub fn dismiss() -> Option<Dismissed> {
    let guard = Guard::enter()?;
    guard.owner()?;
    Some(guard.engine().drain.dismiss())
}

/// The same before a call whose return no hook sees.
pub fn dismiss_for_a_moment() {
    with_engine(|engine, _| engine.drain.dismiss_for_a_moment());
}

/// Makes a call that yields a descriptor, and once more where the process has run
/// out of numbers and some of them are ours. `own_call` may unwind.
pub fn with_relief(own_call: impl Fn() -> c_int) -> c_int {
    with_relief_where(own_call, |&result| result < 0 && is_out_of_numbers())
}

/// The same where `is_out` says whether the call has failed for that.
pub fn with_relief_where<T>(own_call: impl Fn() -> T, is_out: impl Fn(&T) -> bool) -> T {
    // Each time half of what is held, and at last the drain's own set.
    const TURNS: u32 = 20;
    let mut result = own_call();
    for _ in 0..TURNS {
        if !(is_out(&result) && was_relieved()) {
            break;
        }
        result = own_call();
    }
    result
}

/// The process has as many descriptors as it may.
pub fn is_out_of_numbers() -> bool {
    errno::get() == libc::EMFILE
}

/// Makes a call that yields a thread or a process, and again where `is_refused` says that
/// there may be no further one, and some of them are ours. `own_call` may unwind.
pub fn with_a_thread_less<T>(own_call: impl Fn() -> T, is_refused: impl Fn(&T) -> bool) -> T {
    let mut result = own_call();
    if is_refused(&result) && gave_up_thread() {
        result = own_call();
    }
    if is_refused(&result) && gave_up_finishers() {
        // They count until whoever is their parent now has reaped them.
        const TURNS: u32 = 8;
        for _ in 0..TURNS {
            clock::rest_us(250);
            result = own_call();
            if !is_refused(&result) {
                break;
            }
        }
    }
    result
}

/// -1 with `EAGAIN`.
pub fn is_refused(result: &c_int) -> bool {
    *result < 0 && errno::get() == libc::EAGAIN
}

fn gave_up_thread() -> bool {
    let Some(guard) = Guard::enter() else { return false };
    let had_one = guard.owner().is_some() && guard.engine().drain.has_thread();
    if had_one {
        drop(guard.engine().drain.dismiss());
    }
    had_one
}

fn gave_up_finishers() -> bool {
    Guard::enter().is_some_and(|guard| guard.owner().is_some_and(Owner::end_finishers))
}

#[cold]
#[inline(never)]
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

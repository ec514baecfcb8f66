//! The only way from a hook to the engine.
//!
//! While a [`Guard`] is held, the thread cannot be cancelled. When it is dropped, `errno` and the
//! cancel state are what they were. Without a guard only words are read and written that cannot be
//! left half done: which thread waits on which epoll set, what is remembered of a number.
//!
//! A signal handler may leave a hook by `siglongjmp`; then the guard of that hook is never
//! dropped. Where that would leave something behind, signals are held back
//! ([`Guard::hold_signals`]). Elsewhere only the cancel state is left behind, and the next guard
//! of the thread restores it ([`cancellation`]).
//!
//! A function of libc's in which the program may be cancelled is called without a guard, in a
//! frame that has nothing to drop: the cancellation unwinds through that frame (`extern
//! "C-unwind"`, Rust RFC 2945: plain old frames).
//!
//! Context: any hook. Async-signal-safe.

mod cancellation;

pub use cancellation::{Inside, act_on_cancellation, without_cancellation};

use super::errno;
use cancellation::Disabled;
use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};
use libc::c_int;
use once_cell::race::OnceRef;
use softclose_core::drain::dismissal::Dismissed;
use softclose_core::engine::Engine;
use softclose_core::holders::ledger::Owner;
use softclose_core::sys::signals::{self, Mask};
use softclose_core::sys::thread;

/// The engine, set by the constructor unless softclose is disabled.
///
/// `OnceRef` of once_cell is one atomic pointer: to read it is one load, in any context. A lock of
/// std's `OnceLock` could be waited for.
pub static ENGINE: OnceRef<'static, Engine> = OnceRef::new();

/// Set when the program has installed a seccomp filter: no hook makes a system call of its own any
/// more.
static PASSIVE: AtomicBool = AtomicBool::new(false);

/// Before the program installs a seccomp filter, which allows what the program needs. From here on
/// every hook passes through, also in its children. When this returns, the drain has no thread, and
/// no other thread is in a hook that the filter could reach.
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

/// The engine, where hooks are to use it.
pub fn engine() -> Option<&'static Engine> {
    if PASSIVE.load(Ordering::SeqCst) { None } else { ENGINE.get() }
}

/// In a fork child, before its first hook: the parent's other threads, and the hooks that they were
/// in, are not in the child.
pub fn forget_hooks() {
    if let Some(engine) = ENGINE.get() {
        engine.presence.forget();
    }
}

/// Held while a hook is in the engine.
pub struct Guard {
    engine: &'static Engine,
    errno: Cell<c_int>,
    cancellation: Disabled,
    signals: Cell<Option<Mask>>,
}

impl Guard {
    /// `None` before the constructor, where softclose is disabled, and in a child whose thread-local
    /// storage is not libc's: the hook passes through.
    pub fn enter() -> Option<Self> {
        let engine = ENGINE.get().filter(|_| thread::has_storage())?;
        engine.presence.enter(thread::number() as usize);
        // First the presence, then the flag: `become_passive` sets the flag first, and then waits for
        // all that are present.
        if PASSIVE.load(Ordering::SeqCst) {
            engine.presence.leave(thread::number() as usize);
            return None;
        }
        let errno = Cell::new(errno::get());
        let cancellation = Disabled::disable();
        let guard = Self { engine, errno, cancellation, signals: Cell::new(None) };
        if engine.ledger.is_any_making() {
            guard.goes_on();
        }
        Some(guard)
    }

    /// Notes that a call is over by which this thread made a process, and whose return no hook saw.
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

    /// The right to write to the engine's memory, which only the process has whose memory it is
    /// (the pid test); see [`softclose_core::holders::ledger`].
    pub fn owner(&self) -> Option<Owner<'_>> {
        self.engine.ledger.owner()
    }

    /// No signal handler runs until the guard is dropped.
    pub fn hold_signals(&self) {
        self.signals.set(signals::hold());
    }

    /// Signal handlers run again.
    pub fn let_signals_in(&self) {
        self.signals.take().into_iter().for_each(Mask::let_in);
    }

    /// Hands the signals that are held back to the caller, which lets them in by
    /// [`let_signals_in`]. The thread counts as inside a hook until then.
    pub fn take_signals(&self) -> Option<Mask> {
        let mask = self.signals.take();
        if mask.is_some() {
            self.engine.presence.enter(thread::number() as usize);
        }
        mask
    }

    /// Makes the program's own call, and keeps the `errno` of that call for the program.
    pub fn own_call<T>(&self, call: impl FnOnce() -> T) -> T {
        errno::set(self.errno.get());
        let result = call();
        self.errno.set(errno::get());
        result
    }
}

/// Delivers signals that were held back.
pub fn let_signals_in(signals: Option<Mask>) {
    if let (Some(mask), Some(engine)) = (signals, ENGINE.get()) {
        mask.let_in();
        engine.presence.leave(thread::number() as usize);
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.cancellation.restore();
        errno::set(self.errno.get());
        // A handler that runs now may never return.
        self.let_signals_in();
        self.engine.presence.leave(thread::number() as usize);
    }
}

/// Runs `act` with a guard held, also where the memory of the engine is another process'.
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

/// As [`with_engine`], for what concerns the ledger alone.
pub fn with_owner(act: impl FnOnce(Owner<'_>)) {
    with_engine(|_, owner| act(owner));
}

/// Has the drain end what it holds, and its thread leave. To be called before the program does
/// what must find no thread of ours. There is none until the answer is dropped.
pub fn dismiss() -> Option<Dismissed> {
    let guard = Guard::enter()?;
    guard.owner()?;
    Some(guard.engine().drain.dismiss())
}

/// As [`dismiss`], before a call whose return no hook sees: there is no thread of ours for a moment.
pub fn dismiss_for_a_moment() {
    with_engine(|engine, _| engine.drain.dismiss_for_a_moment());
}

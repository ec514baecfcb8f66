//! The signal that stops a thread: its handler does not return until the threads may go on.
//!
//! It is the signal that libc keeps for its own `setuid` and never lets a program block: 33 with glibc, 34
//! with musl. What libc does with the signal is restored before any thread goes on.
//!
//! Context: [`install`], [`send`] and the rest run on the thread that stops the others; the handler
//! runs on those, wherever they were. It calls nothing of libc. Async-signal-safe.

use super::futex;
use crate::sys::clock;
use crate::sys::machine::end_of_handler;
use crate::sys::raw::{nr, syscall6};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use rustix::process::{Pid, getpid};

/// `SIGSETXID` of glibc.
const SIGSETXID: usize = 33;
/// `SIGSYNCCALL` of musl.
const SIGSYNCCALL: usize = 34;

static SIGNAL: AtomicUsize = AtomicUsize::new(SIGSETXID);

fn signal() -> usize {
    SIGNAL.load(SeqCst)
}

/// In the constructor, where libc is musl.
pub fn use_signal_of_musl() {
    SIGNAL.store(SIGSYNCCALL, SeqCst);
}

/// How many threads have been stopped.
static STOPPED: AtomicU32 = AtomicU32::new(0);
/// When stopped threads go on: 0 for not yet, [`SOON`] or [`AT_ONCE`].
static RESUMING: AtomicU32 = AtomicU32::new(0);
const SOON: u32 = 1;
const AT_ONCE: u32 = 2;

/// Begins anew: no thread is stopped, and none that will be may go on.
pub fn reset() {
    RESUMING.store(0, SeqCst);
    STOPPED.store(0, SeqCst);
}

/// How many times a thread has been stopped since [`reset`].
pub fn stopped() -> u32 {
    STOPPED.load(SeqCst)
}

/// Waits until `many` threads have been stopped, or another one has, 20 ms at most.
pub fn await_stopped(many: u32) {
    const PATIENCE_MS: u32 = 20;
    let stopped = STOPPED.load(SeqCst);
    if stopped < many {
        futex::wait(&STOPPED, stopped, PATIENCE_MS);
    }
}

/// Sends the signal to a thread of this process.
pub fn send(thread: Pid) {
    let [process, thread] = [getpid(), thread].map(|id| id.as_raw_nonzero().get() as usize);
    // SAFETY: tgkill with integer arguments; the handler is in place.
    let _ = unsafe { syscall6(nr::TGKILL, [process, thread, signal(), 0, 0, 0]) };
}

/// Restores what libc does with the signal, and lets all stopped threads go on at once.
pub fn resume_now() {
    resume(AT_ONCE);
}

/// Restores what libc does with the signal, and lets all stopped threads go on in 50 ms.
pub fn resume_soon() {
    resume(SOON);
}

fn resume(when: u32) {
    uninstall();
    RESUMING.store(when, SeqCst);
    futex::wake_all(&RESUMING);
}

/// The handler.
extern "C" fn stay(_signal: i32) {
    const A_LONG_TIME_MS: u32 = 1_000_000;
    /// More than an `exec` takes to end all threads.
    const MOMENT_MS: u32 = 50;
    STOPPED.fetch_add(1, SeqCst);
    futex::wake_all(&STOPPED);
    while RESUMING.load(SeqCst) == 0 {
        futex::wait(&RESUMING, 0, A_LONG_TIME_MS);
    }
    if RESUMING.load(SeqCst) == SOON {
        let _ = rustix::thread::nanosleep(&clock::timespec(MOMENT_MS));
    }
}

/// The kernel's `struct sigaction`: handler, flags, restorer, mask.
type Action = [AtomicUsize; 4];

/// What libc does with the signal.
static FORMER: Action = [const { AtomicUsize::new(0) }; 4];

/// Makes [`stay`] the handler of the signal, with every signal blocked in it. False where the
/// kernel refuses.
pub fn install() -> bool {
    const SA_RESTORER: usize = 0x0400_0000;
    const SA_RESTART: usize = 0x1000_0000;
    let handler = stay as extern "C" fn(i32) as usize;
    let restorer = end_of_handler as unsafe extern "C" fn() as usize;
    let ours: Action = [handler, SA_RESTORER | SA_RESTART, restorer, usize::MAX].map(AtomicUsize::new);
    act(&ours, &FORMER)
}

/// Restores what libc does with the signal. The signal is ignored for a moment before: that
/// discards it for the threads that it has not reached yet (`do_sigaction`). Libc's handler would
/// not know what it is for.
fn uninstall() {
    const SIG_IGN: usize = 1;
    let unwanted = [const { AtomicUsize::new(0) }; 4];
    act(&[SIG_IGN, 0, 0, 0].map(AtomicUsize::new), &unwanted);
    act(&FORMER, &unwanted);
}

/// Sets the action to `new` and stores the former one in `old`, by a raw system call: libc refuses
/// this signal.
fn act(new: &Action, old: &Action) -> bool {
    let new = new.as_ptr() as usize;
    // SAFETY: the kernel reads one action and writes another, which are atomics; the handler calls
    // nothing of libc.
    unsafe { syscall6(nr::RT_SIGACTION, [signal(), new, old.as_ptr() as usize, 8, 0, 0]) }.is_ok()
}

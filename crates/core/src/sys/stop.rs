//! Stopping the program's other threads, at the end of the process or of the
//! program that it runs.
//!
//! While the thread that ends the process waits for its last peers, the others
//! would run on: natively they have ended by then. They would meet half-closed
//! sockets and destructed objects, and change the exit status. So they are sent
//! a signal whose handler does not return, and `exit_group` or `execve` ends them
//! there. An `execve` may fail: then they go on.
//!
//! They may be stopped with any lock in their hands. Whoever calls this must not
//! take one.
//!
//! The signal is 33, which libc keeps for its `setuid` and never lets a program
//! block. Who goes on puts back what libc does with it.
//!
//! Context: the thread that ends the process. Async-signal-safe.

use super::futex;
use super::procfs::{Dir, number};
use super::raw::{nr, syscall6};
use core::arch::naked_asm;
use core::ops::ControlFlow::Continue;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use rustix::process::{Pid, getpid};
use rustix::thread::gettid;

const SIGSETXID: usize = 33;

static STOPPED: AtomicU32 = AtomicU32::new(0);
/// 1 when those who are stopped are to go on.
static RESUMING: AtomicU32 = AtomicU32::new(0);

/// What became of the other threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// There are none.
    None,
    /// They have been stopped.
    Stopped,
    /// They run on: nobody can tell which they are.
    Running,
}

/// Stops every thread of this process but the calling one and those of ours.
pub fn others(is_ours: impl Fn(Pid) -> bool) -> Others {
    const ROUNDS: u32 = 8;
    RESUMING.store(0, SeqCst);
    STOPPED.store(0, SeqCst);
    let mut found = match signal_each(&is_ours, false) {
        Some(0) => return Others::None,
        Some(found) if install() => found,
        _ => return Others::Running,
    };
    for _ in 0..ROUNDS {
        let again = signal_each(&is_ours, true).unwrap_or(0);
        await_stopped(again);
        // A thread may have made another one before it was stopped.
        if again == found && STOPPED.load(SeqCst) >= found {
            return Others::Stopped;
        }
        found = again;
    }
    // Those that have not answered are in the kernel, and will stop on their way out.
    Others::Stopped
}

/// Lets them go on in a moment, if the process still runs the same program: a
/// successful `exec` ends them, and nobody else could tell them that it has failed.
pub fn resume_soon() {
    RESUMING.store(1, SeqCst);
    futex::wake_all(&RESUMING);
}

/// Counts the others, and signals them if asked to. `None` without procfs.
fn signal_each(is_ours: &impl Fn(Pid) -> bool, signal: bool) -> Option<u32> {
    let (process, me) = (getpid(), gettid());
    let mut count = 0;
    let tasks = Dir::root().and_then(|root| root.below(c"self/task")).ok()?;
    let end: Option<()> = tasks
        .each(|name| {
            let tid = number(name.to_bytes()).and_then(|raw| Pid::from_raw(raw as i32));
            if let Some(tid) = tid.filter(|&tid| tid != me && !is_ours(tid)) {
                count += 1;
                if signal {
                    send(process, tid);
                }
            }
            Continue(())
        })
        .ok()?;
    end.is_none().then_some(count)
}

fn send(process: Pid, thread: Pid) {
    let (process, thread) = (process.as_raw_nonzero().get() as usize, thread.as_raw_nonzero().get() as usize);
    // SAFETY: tgkill with integer arguments; the handler is in place.
    let _ = unsafe { syscall6(nr::TGKILL, [process, thread, SIGSETXID, 0, 0, 0]) };
}

fn await_stopped(many: u32) {
    const PATIENCE_MS: u32 = 20;
    let stopped = STOPPED.load(SeqCst);
    if stopped < many {
        futex::wait(&STOPPED, stopped, PATIENCE_MS);
    }
}

/// The kernel's `struct sigaction`: handler, flags, restorer, mask.
type Action = [AtomicUsize; 4];

/// What libc does with the signal.
static FORMER: Action = [const { AtomicUsize::new(0) }; 4];

fn install() -> bool {
    const SA_RESTORER: usize = 0x0400_0000;
    const SA_RESTART: usize = 0x1000_0000;
    let handler = stay as extern "C" fn(i32) as usize;
    let restorer = end_of_handler as unsafe extern "C" fn() as usize;
    let ours: Action = [handler, SA_RESTORER | SA_RESTART, restorer, usize::MAX].map(AtomicUsize::new);
    act(&ours, &FORMER)
}

/// Sets and asks for an action by system call: libc refuses this signal.
fn act(new: &Action, old: &Action) -> bool {
    let new = new.as_ptr() as usize;
    // SAFETY: the kernel reads one action and writes another, which are atomics; the
    // handler calls nothing of libc's.
    unsafe { syscall6(nr::RT_SIGACTION, [SIGSETXID, new, old.as_ptr() as usize, 8, 0, 0]) }.is_ok()
}

extern "C" fn stay(_signal: i32) {
    const A_LONG_TIME_MS: u32 = 1_000_000;
    /// More than an `exec` takes to end all threads.
    const MOMENT_MS: u32 = 50;
    STOPPED.fetch_add(1, SeqCst);
    futex::wake_all(&STOPPED);
    while RESUMING.load(SeqCst) == 0 {
        futex::wait(&RESUMING, 0, A_LONG_TIME_MS);
    }
    let _ = rustix::thread::nanosleep(&super::clock::timespec(MOMENT_MS));
    let unwanted = [const { AtomicUsize::new(0) }; 4];
    act(&FORMER, &unwanted);
}

/// `rt_sigreturn(2)`.
#[unsafe(naked)]
unsafe extern "C" fn end_of_handler() {
    naked_asm!("mov eax, 15", "syscall", "ud2")
}

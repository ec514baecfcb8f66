//! Stopping the program's other threads, at the end of the process.
//!
//! While the thread that ends the process waits for its last peers, the others
//! would run on: natively they have ended by then. They would meet half-closed
//! sockets and destructed objects, and change the exit status. So they are sent
//! a signal whose handler never returns, and `exit_group` ends them there.
//!
//! They may be stopped with any lock in their hands. Whoever calls this must end
//! the process without taking one.
//!
//! The signal is 33, which libc keeps for its `setuid` and never lets a program
//! block; nobody will change credentials any more.
//!
//! Context: the thread that ends the process. Async-signal-safe.

use super::futex;
use super::procfs::{Dir, number};
use super::raw::{nr, syscall6};
use core::ops::ControlFlow::Continue;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use rustix::process::{Pid, getpid};
use rustix::thread::gettid;

const SIGSETXID: usize = 33;

static STOPPED: AtomicU32 = AtomicU32::new(0);

/// What became of the other threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// There are none.
    None,
    /// They have been stopped, for good.
    Stopped,
    /// They run on: nobody can tell which they are.
    Running,
}

/// Whether there are other threads than the calling one and those of ours.
pub fn look_for_others(is_ours: impl Fn(Pid) -> bool) -> Others {
    if signal_each(&is_ours, false) == Some(0) { Others::None } else { Others::Running }
}

/// Stops every thread of this process but the calling one and those of ours.
pub fn others(is_ours: impl Fn(Pid) -> bool) -> Others {
    const ROUNDS: u32 = 8;
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

/// The kernel's `struct sigaction`.
#[repr(C)]
struct Action {
    handler: extern "C" fn(i32),
    flags: u64,
    restorer: extern "C" fn(i32),
    mask: u64,
}

/// By system call: libc refuses this signal.
fn install() -> bool {
    const SA_RESTORER: u64 = 0x0400_0000;
    // It never returns, so that the restorer is never called.
    let action = Action { handler: stay, flags: SA_RESTORER, restorer: stay, mask: u64::MAX };
    // SAFETY: the kernel reads one `Action`; the handler calls nothing of libc's.
    unsafe { syscall6(nr::RT_SIGACTION, [SIGSETXID, (&raw const action) as usize, 0, 8, 0, 0]) }.is_ok()
}

extern "C" fn stay(_signal: i32) {
    STOPPED.fetch_add(1, SeqCst);
    futex::wake_all(&STOPPED);
    loop {
        // SAFETY: pause takes no arguments. Every signal is blocked here.
        let _ = unsafe { syscall6(nr::PAUSE, [0; 6]) };
    }
}

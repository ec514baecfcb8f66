//! Stopping the program's other threads, at the end of the process or before it executes another
//! program.
//!
//! The thread that ends the process waits for its last peers. Meanwhile the other threads would
//! run on; natively they have ended by then. They would meet half-closed sockets and destroyed
//! objects, and could change the exit status. So each is sent a signal whose handler does not
//! return (`stop_signal`), and `exit_group` or `execve` ends it there. An `execve` may
//! fail: then the threads go on.
//!
//! A stopped thread may hold any lock. So the thread that calls this must take none afterwards.
//!
//! The kernel writes the frame of a handler on the stack that the thread is on. Where the frame
//! does not fit, as on the small stack of a coroutine, the kernel kills the process
//! (`force_sigsegv`). So a thread is signalled only while it sleeps in the kernel with enough room
//! on its stack. If there is a thread for which that cannot be shown, all threads run on.
//!
//! Context: the thread that ends the process. Async-signal-safe.

use super::activity::{ThreadActivity, has_room_for_handler};
use super::stop_signal;
use crate::sys::clock::Millis;
use crate::sys::procfs::{self, Dir, number};
use core::cell::Cell;
use core::ffi::CStr;
use core::ops::ControlFlow::{Break, Continue};
use rustix::process::Pid;
use rustix::thread::gettid;

pub use stop_signal::{resume_soon, use_signal_of_musl};

/// What became of the program's other threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherThreads {
    /// There are none.
    None,
    /// They have been stopped.
    Stopped,
    /// They run on: procfs does not list them, or one of them could not be stopped safely.
    Running,
}

/// Stops every thread of this process but the calling one and those that are ours. It takes about
/// 20 microseconds for each thread. Where not all can be stopped within 40 ms, all run on.
pub fn stop_others(is_ours: impl Fn(Pid) -> bool) -> OtherThreads {
    const TIME_MS: u32 = 40;
    let deadline = Millis::now().plus(TIME_MS);
    let in_time = || deadline.since(Millis::now()) != 0;
    stop_signal::reset();
    match each_other(&is_ours, |tasks, name, _| in_time() && can_be_stopped(tasks, name)) {
        Some(0) => OtherThreads::None,
        Some(found) if stop_signal::install() => stop_in_rounds(found, &is_ours, in_time),
        _ => OtherThreads::Running,
    }
}

/// Signals all other threads again and again, until a round finds no thread that was made before
/// its maker was stopped.
fn stop_in_rounds(mut found: u32, is_ours: &impl Fn(Pid) -> bool, in_time: impl Fn() -> bool) -> OtherThreads {
    const ROUNDS: u32 = 8;
    for _ in 0..ROUNDS {
        let stop = |tasks: &Dir, name: &CStr, tid| in_time() && stop(tasks, name, tid);
        let Some(again) = each_other(is_ours, stop) else { return resume_now() };
        stop_signal::await_stopped(again);
        if again == found && stop_signal::stopped() >= found {
            return OtherThreads::Stopped;
        }
        found = again;
    }
    // The threads that have not answered are in the kernel, and will stop on their way out.
    OtherThreads::Stopped
}

/// Whether there is no thread but the calling one and those that are ours. `None` where procfs
/// does not tell.
pub fn is_alone(is_ours: impl Fn(Pid) -> bool) -> Option<bool> {
    let is_any = Cell::new(false);
    let counted = each_other(&is_ours, |_, _, _| {
        is_any.set(true);
        false
    });
    if is_any.get() { Some(false) } else { counted.map(|_| true) }
}

/// Lets all stopped threads go on at once.
pub fn resume_now() -> OtherThreads {
    stop_signal::resume_now();
    OtherThreads::Running
}

/// Calls `visit` for every thread but the calling one and those that are ours, and answers how many
/// there are. `None` where procfs does not list them, or where `visit` answers false.
fn each_other(is_ours: &impl Fn(Pid) -> bool, visit: impl Fn(&Dir, &CStr, Pid) -> bool) -> Option<u32> {
    if !procfs::shows_our_numbers() {
        return None;
    }
    let me = gettid();
    let mut count = 0;
    let tasks = Dir::root().and_then(|root| root.below(c"self/task")).ok()?;
    let refused = tasks.each(|name| {
        let tid = number(name.to_bytes()).and_then(|raw| Pid::from_raw(raw as i32));
        let Some(tid) = tid.filter(|&tid| tid != me && !is_ours(tid)) else { return Continue(()) };
        count += 1;
        if visit(&tasks, name, tid) { Continue(()) } else { Break(()) }
    });
    (refused == Ok(None)).then_some(count)
}

/// Sends the signal to a thread, if that is safe; answers whether it is. A thread that is stopped
/// already sleeps in the handler, and stops once more if it should leave it.
fn stop(tasks: &Dir, name: &CStr, tid: Pid) -> bool {
    let can_be = can_be_stopped(tasks, name);
    if can_be {
        stop_signal::send(tid);
    }
    can_be
}

/// Whether this thread can be stopped safely: it sleeps in the kernel, on a stack with enough room.
/// The stack of a running thread cannot be looked at. Most running threads are between two sleeps,
/// so it is tried again for a millisecond.
fn can_be_stopped(tasks: &Dir, name: &CStr) -> bool {
    const LOOKS: u32 = 20;
    const A_MOMENT: rustix::time::Timespec = rustix::time::Timespec { tv_sec: 0, tv_nsec: 50_000 };
    for _ in 0..LOOKS {
        match ThreadActivity::of(tasks, name) {
            ThreadActivity::Asleep(stack) => return has_room_for_handler(stack),
            ThreadActivity::Gone => return true,
            ThreadActivity::Unknown => return false,
            ThreadActivity::Running => _ = rustix::thread::nanosleep(&A_MOMENT),
        }
    }
    false
}

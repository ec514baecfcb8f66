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
//! The kernel writes the frame of a handler on whatever stack a thread is on, up to
//! 12 KiB on current machines. Where it does not fit (the stack of a coroutine), the
//! kernel kills the process (`force_sigsegv`). So a thread is signalled only while it
//! sleeps in the kernel with enough stack below; if there is any other, all run on.
//!
//! The signal is 33, which libc keeps for its `setuid` and never lets a program
//! block. What libc does with it is put back before anybody goes on.
//!
//! Context: the thread that ends the process. Async-signal-safe.

use super::clock::Millis;
use super::file;
use super::futex;
use super::procfs::{self, Dir, number};
use super::raw::{nr, syscall6};
use core::arch::naked_asm;
use core::cell::Cell;
use core::ffi::CStr;
use core::ops::ControlFlow::{Break, Continue};
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use rustix::io::Errno;
use rustix::process::{Pid, getpid};
use rustix::thread::gettid;

const SIGSETXID: usize = 33;

static STOPPED: AtomicU32 = AtomicU32::new(0);
/// When those who are stopped are to go on: 0 for not yet, [`SOON`] or [`AT_ONCE`].
static RESUMING: AtomicU32 = AtomicU32::new(0);
const SOON: u32 = 1;
const AT_ONCE: u32 = 2;

/// What became of the other threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Others {
    /// There are none.
    None,
    /// They have been stopped.
    Stopped,
    /// They run on: nobody can tell which they are, or one could not be stopped safely.
    Running,
}

/// Stops every thread of this process but the calling one and those of ours. That takes 20
/// microseconds for each; of more than there is time for, none is stopped.
pub fn others(is_ours: impl Fn(Pid) -> bool) -> Others {
    const ROUNDS: u32 = 8;
    const TIME_MS: u32 = 40;
    let deadline = Millis::now().plus(TIME_MS);
    let in_time = || deadline.since(Millis::now()) != 0;
    RESUMING.store(0, SeqCst);
    STOPPED.store(0, SeqCst);
    let mut found = match each_other(&is_ours, |tasks, name, _| in_time() && can_be_stopped(tasks, name)) {
        Some(0) => return Others::None,
        Some(found) if install() => found,
        _ => return Others::Running,
    };
    for _ in 0..ROUNDS {
        let stop = |tasks: &Dir, name: &CStr, tid| in_time() && stop(tasks, name, tid);
        let Some(again) = each_other(&is_ours, stop) else { return run_on() };
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

/// Whether there is no thread but the calling one and those of ours; `None` without procfs.
pub fn is_alone(is_ours: impl Fn(Pid) -> bool) -> Option<bool> {
    let is_any = Cell::new(false);
    let counted = each_other(&is_ours, |_, _, _| {
        is_any.set(true);
        false
    });
    if is_any.get() { Some(false) } else { counted.map(|_| true) }
}

/// Nobody stays stopped.
pub fn run_on() -> Others {
    uninstall();
    RESUMING.store(AT_ONCE, SeqCst);
    futex::wake_all(&RESUMING);
    Others::Running
}

/// Lets them go on in a moment, if the process still runs the same program: a
/// successful `exec` ends them, and nobody else could tell them that it has failed.
pub fn resume_soon() {
    uninstall();
    RESUMING.store(SOON, SeqCst);
    futex::wake_all(&RESUMING);
}

/// Counts the other threads. `None` without procfs, or where `visit` refuses one.
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

/// One that has been stopped sleeps in our handler, and is signalled once more: should it
/// leave, it stops again.
fn stop(tasks: &Dir, name: &CStr, tid: Pid) -> bool {
    let can_be = can_be_stopped(tasks, name);
    if can_be {
        send(getpid(), tid);
    }
    can_be
}

/// Whether this thread is no danger: it sleeps in the kernel, on a stack with enough
/// room. What runs cannot be looked at; most that do are between two sleeps.
fn can_be_stopped(tasks: &Dir, name: &CStr) -> bool {
    const LOOKS: u32 = 20;
    const A_MOMENT: rustix::time::Timespec = rustix::time::Timespec { tv_sec: 0, tv_nsec: 50_000 };
    for _ in 0..LOOKS {
        match state(tasks, name) {
            State::Asleep(stack) => return has_room_below(stack),
            State::Gone => return true,
            State::Unknown => return false,
            State::Running => _ = rustix::thread::nanosleep(&A_MOMENT),
        }
    }
    false
}

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// In the kernel; its stack pointer is this.
    Asleep(usize),
    Running,
    Gone,
    Unknown,
}

/// By `/proc/self/task/TID/syscall` (proc(5)).
#[inline(never)]
fn state(tasks: &Dir, name: &CStr) -> State {
    let mut room = [0; 256];
    match tasks.read(procfs::Path::join(name, c"/syscall").as_c_str(), &mut room) {
        Ok(line) => parse(line),
        Err(Errno::NOENT | Errno::SRCH) => State::Gone,
        Err(_) => State::Unknown,
    }
}

/// `running`, or numbers of which the last but one is the stack pointer.
fn parse(line: &[u8]) -> State {
    if line.starts_with(b"running") {
        return State::Running;
    }
    let mut words = line.trim_ascii_end().rsplit(|&byte| byte == b' ');
    let pointer = words.nth(1).and_then(|word| word.strip_prefix(b"0x"));
    let pointer = pointer.and_then(|digits| usize::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok());
    match pointer {
        // Its stack has gone before it: the first thread, which has ended before the others.
        Some(0) => State::Gone,
        Some(pointer) => State::Asleep(pointer),
        None => State::Unknown,
    }
}

/// More than twice the largest frame that there is (`AT_MINSIGSTKSZ` with AMX).
const FRAME: usize = 32 << 10;

fn has_room_below(stack: usize) -> bool {
    file::is_readable(stack.saturating_sub(FRAME), FRAME)
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

/// Puts back what libc does. To ignore the signal first takes it away from whom it has
/// not reached yet (`do_sigaction`), and libc's handler would not know what it is for.
fn uninstall() {
    const SIG_IGN: usize = 1;
    let unwanted = [const { AtomicUsize::new(0) }; 4];
    act(&[SIG_IGN, 0, 0, 0].map(AtomicUsize::new), &unwanted);
    act(&FORMER, &unwanted);
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
    if RESUMING.load(SeqCst) == SOON {
        let _ = rustix::thread::nanosleep(&super::clock::timespec(MOMENT_MS));
    }
}

/// `rt_sigreturn(2)`.
#[unsafe(naked)]
unsafe extern "C" fn end_of_handler() {
    naked_asm!("mov eax, 15", "syscall", "ud2")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_sleeps_tells_its_stack() {
        let line = b"232 0x4 0x7f0000000010 0x20 0xffffffff 0x0 0x8 0x7ffd1c8a5e30 0x7f5ad1e5b1b6\n";
        assert_eq!(parse(line), State::Asleep(0x7ffd_1c8a_5e30));
        assert_eq!(parse(b"-1 0x7ffd1c8a5e30 0x7f5ad1e5b1b6\n"), State::Asleep(0x7ffd_1c8a_5e30));
        assert_eq!(parse(b"-1 0x0 0x0\n"), State::Gone);
        assert_eq!([parse(b"running\n"), parse(b""), parse(b"0\n")], [State::Running, State::Unknown, State::Unknown]);
    }
}

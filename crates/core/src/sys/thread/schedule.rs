//! When and on which processors our own threads run.
//!
//! A new thread inherits its priority and its processors from the thread that makes it. Ours would
//! inherit them from the program's thread that happened to close first. Behind a thread of
//! real-time priority that polls without sleeping, a thread of the same priority never runs; a
//! thread that is pinned to a processor shares it with every thread that it makes. So what our
//! thread has inherited is undone, by the thread that made it: ours might never run to do it
//! itself.
//!
//! A setting that is right already is not set again: a seccomp filter may kill the process for the
//! call (systemd's `SystemCallFilter=~@resources`). Where a setting is wrong, the program has made
//! such a call itself and was not killed.
//!
//! Context: [`affinity`] runs in the constructor; [`as_at_start`] in any hook, async-signal-safe.

use crate::sys::process;
use crate::sys::raw::{nr, syscall6};
use rustix::process::Pid;

/// A set of processors as the kernel writes it, a bit each: up to 2,048 processors.
pub type Processors = [u8; 256];

/// The processors that the calling thread may run on, a bit each, written into `buffer`. Empty where
/// the kernel does not tell.
pub fn affinity(buffer: &mut Processors) -> &[u8] {
    let args = [0, buffer.len(), buffer.as_mut_ptr() as usize, 0, 0, 0];
    // SAFETY: the kernel writes at most `buffer.len()` bytes, and answers how many.
    let len = unsafe { syscall6(nr::SCHED_GETAFFINITY, args) }.unwrap_or(0);
    buffer.get(..len).unwrap_or_default()
}

/// Lets `thread`, which the calling thread has made, run on `processors`, and with a priority that
/// is no lower than that of the main thread and no real-time one. What the kernel refuses stays as
/// it is.
pub fn as_at_start(thread: Pid, processors: &[u8]) {
    let number = |id: Pid| id.as_raw_nonzero().get() as usize;
    let (thread, main) = (number(thread), process::pid().map_or(0, number));
    if !processors.is_empty() && is_elsewhere(processors) {
        let args = [thread, processors.len(), processors.as_ptr() as usize, 0, 0, 0];
        // SAFETY: the kernel reads `processors.len()` bytes.
        let _ = unsafe { syscall6(nr::SCHED_SETAFFINITY, args) };
    }
    be_ordinary(thread, main);
    be_no_nicer_than(thread, main);
}

/// Whether the calling thread runs on other processors. Not inlined, so that its buffer is on the
/// stack only here: a signal stack may be small.
#[inline(never)]
fn is_elsewhere(processors: &[u8]) -> bool {
    *affinity(&mut [0; 256]) != *processors
}

/// Sets the ordinary policy (`SCHED_OTHER`) where the calling thread has a real-time one
/// (`SCHED_FIFO`, `SCHED_RR`), or a background one (`SCHED_BATCH`, `SCHED_IDLE`) while the main
/// thread is ordinary.
fn be_ordinary(thread: usize, main: usize) {
    const OTHER: usize = 0;
    const FIFO: usize = 1;
    const RR: usize = 2;
    const RESET_ON_FORK: usize = 0x4000_0000;
    // SAFETY: an integer.
    let of = |thread| unsafe { syscall6(nr::SCHED_GETSCHEDULER, [thread, 0, 0, 0, 0, 0]) };
    let is_unfit = match of(0).map(|policy| policy & !RESET_ON_FORK) {
        Ok(OTHER) | Err(_) => false,
        Ok(FIFO | RR) => true,
        Ok(_) => of(main).is_ok_and(|policy| policy & !RESET_ON_FORK == OTHER),
    };
    if is_unfit {
        let priority = 0u32;
        // SAFETY: the kernel reads one int.
        let _ = unsafe { syscall6(nr::SCHED_SETSCHEDULER, [thread, OTHER, (&raw const priority) as usize, 0, 0, 0]) };
    }
}

/// Lowers the nice value of `thread` to that of the main thread, where the calling thread has a
/// higher one. The system call answers 20 minus the nice value: more is better.
fn be_no_nicer_than(thread: usize, main: usize) {
    const PRIO_PROCESS: usize = 0;
    // SAFETY: integers.
    let of = |thread| unsafe { syscall6(nr::GETPRIORITY, [PRIO_PROCESS, thread, 0, 0, 0, 0]) };
    if let (Ok(mine), Ok(main)) = (of(0), of(main))
        && mine < main
    {
        let nice = 20isize.wrapping_sub_unsigned(main);
        // SAFETY: integers.
        let _ = unsafe { syscall6(nr::SETPRIORITY, [PRIO_PROCESS, thread, nice as usize, 0, 0, 0]) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On a thread of its own, so that no other test runs pinned.
    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn a_pinned_thread_gets_all_processors_back() {
        std::thread::spawn(|| {
            let mut buffer = [0; 256];
            let all = affinity(&mut buffer);
            let first = all.iter().position(|&byte| byte != 0).unwrap();
            let mut one = vec![0u8; all.len()];
            one[first] = all[first] & all[first].wrapping_neg();
            as_at_start(process::thread().unwrap(), &one);
            assert_eq!(*affinity(&mut [0; 256]), *one);
            as_at_start(process::thread().unwrap(), all);
            assert_eq!(*affinity(&mut [0; 256]), *all);
        })
        .join()
        .unwrap();
    }
}

//! When and where a thread runs.
//!
//! A new thread inherits all of that from the one that makes it: for ours the one that
//! happened to close first. A server's thread of real-time priority that polls without
//! sleeping keeps everybody else of its priority from its processor; one that is pinned
//! shares that processor with all that it makes. So what our thread has inherited is taken
//! back, by the one that makes it: behind such a thread ours would not come to do it.
//!
//! Nothing is set that is as it should be: a filter may kill for it (systemd's
//! `SystemCallFilter=~@resources`), and did not kill the program for setting it.
//!
//! Context: [`affinity`] in the constructor, [`as_at_start`] in any hook.

use super::process;
use super::raw::{nr, syscall6};
use rustix::process::Pid;

/// Room for 2,048 processors.
pub type Room = [u8; 256];

/// The processors that the calling thread may run on, as the kernel writes them; empty
/// where it does not tell.
pub fn affinity(room: &mut Room) -> &[u8] {
    let args = [0, room.len(), room.as_mut_ptr() as usize, 0, 0, 0];
    // SAFETY: the kernel writes at most so many bytes, and answers how many.
    let len = unsafe { syscall6(nr::SCHED_GETAFFINITY, args) }.unwrap_or(0);
    room.get(..len).unwrap_or_default()
}

/// `thread`, which the calling one has made, runs on all processors that the process was
/// started on, and when the main thread does, or sooner; as far as the kernel allows.
pub fn as_at_start(thread: Pid, processors: &[u8]) {
    let number = |id: Pid| id.as_raw_nonzero().get() as usize;
    let (thread, main) = (number(thread), process::pid().map_or(0, number));
    if !processors.is_empty() && is_elsewhere(processors) {
        let args = [thread, processors.len(), processors.as_ptr() as usize, 0, 0, 0];
        // SAFETY: the kernel reads so many bytes.
        let _ = unsafe { syscall6(nr::SCHED_SETAFFINITY, args) };
    }
    be_ordinary(thread, main);
    be_no_nicer_than(thread, main);
}

/// A frame of its own: a signal stack may be small.
#[inline(never)]
fn is_elsewhere(processors: &[u8]) -> bool {
    *affinity(&mut [0; 256]) != *processors
}

/// Leaves real time (`SCHED_FIFO`, `SCHED_RR`), and the background where the main thread is
/// not there (`SCHED_BATCH`, `SCHED_IDLE`).
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

/// As the system call has it, more is better: 20 less the nice value.
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

    /// On a thread of its own, which may be left pinned.
    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn a_pinned_thread_gets_all_processors_back() {
        std::thread::spawn(|| {
            let mut room = [0; 256];
            let all = affinity(&mut room);
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

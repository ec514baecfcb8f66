//! The finishers of a family: the `softclose-drain` processes that finish what other processes have
//! left at their ends.
//!
//! A peer that connects and reads slowly must not be able to fill the table of processes. So there
//! are 128 finishers at once, and no more; processes that wait in place at their own ends
//! are among them. There are none where the control group has not room for as many processes again
//! as it has. A process that finds no place ends as it does natively. Finishers give way, by
//! being killed, where the kernel refuses the program a process or a thread.
//!
//! A process is identified by its pid and its start time, which no other process has. Where procfs
//! shows another pid namespace, every finisher is taken for ended: then there may be more of them,
//! and they do not give way.
//!
//! Context: the end of a process, and hooks whose call the kernel has refused. Lock-free.

use crate::sys::process;
use crate::sys::procfs::{Dir, Stat};
use crate::zeroed;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use rustix::path::DecInt;
use rustix::process::{Pid, Signal, pidfd_send_signal};

/// How many finishers there can be at once: each counts for `RLIMIT_NPROC`.
const MOST: usize = 128;

zeroed! {
    /// A word for each finisher of a family: its start time in the upper half, its pid in the lower.
    pub struct Finishers([AtomicU64; MOST]);
}

/// In a word: the process is one that waits in place at its own end. It does not give way.
pub const ITSELF: u64 = 1 << 63;

impl Finishers {
    /// The word of one place; `None` beyond the last one.
    pub fn place(&self, index: usize) -> Option<&AtomicU64> {
        self.0.get(index)
    }

    /// Puts `word` into a free place, or into that of a process that has ended; answers the index.
    pub fn take(&self, word: u64) -> Option<usize> {
        let take = |is_free: fn(u64) -> bool| {
            self.0.iter().position(|place| {
                let old = place.load(SeqCst);
                is_free(old) && place.compare_exchange(old, word, SeqCst, SeqCst).is_ok()
            })
        };
        take(|old| old == 0).or_else(|| take(|old| !lives(old)))
    }

    /// Kills all finishers; answers whether there was any.
    pub fn end(&self) -> bool {
        let is_one = |word: &u64| *word != 0 && *word & ITSELF == 0;
        self.0.iter().map(|place| place.load(SeqCst)).filter(is_one).filter(|&word| end(word)).count() != 0
    }

    /// Whether nobody reaps the finishers that have ended (pid 1 of a container may not): the processes
    /// in the first places have ended, and are all still there.
    pub fn stay_unreaped(&self) -> bool {
        const FIRST: usize = 8;
        self.0.iter().take(FIRST).all(|place| is_unreaped(place.load(SeqCst)))
    }
}

fn is_unreaped(word: u64) -> bool {
    pid_of(word).and_then(stat).is_some_and(|(start, is_ending)| is_ending && start == word >> 32)
}

/// Kills the process that `word` stands for, and no other. A pidfd holds it while its start time
/// is compared.
fn end(word: u64) -> bool {
    let pid = pid_of(word);
    let Ok(fd) = process::open(pid) else { return false };
    let is_it = pid.and_then(identity) == Some(word);
    let has_ended = is_it && pidfd_send_signal(fd, Signal::KILL).is_ok();
    fd.close();
    has_ended
}

fn lives(word: u64) -> bool {
    pid_of(word).and_then(identity) == Some(word & !ITSELF)
}

fn pid_of(word: u64) -> Option<Pid> {
    Pid::from_raw(word as u32 as i32)
}

/// The word of process `pid`; `None` where it has ended, or is about to.
pub fn identity(pid: Pid) -> Option<u64> {
    let (start, is_ending) = stat(pid)?;
    (!is_ending).then(|| start << 32 | u64::from(pid.as_raw_nonzero().get().unsigned_abs()))
}

/// When the process was started, as far as the word has bits for that, and whether it has ended.
#[inline(never)]
fn stat(pid: Pid) -> Option<(u64, bool)> {
    const STARTS: u64 = (1 << 31) - 1;
    let name = DecInt::new(pid.as_raw_nonzero().get());
    let stat = Stat::read(&Dir::root().ok()?, name.as_c_str()).ok()?;
    Some((stat.start & STARTS, stat.is_ending))
}

// Miri has no processes.
#[cfg(all(test, not(miri)))]
mod tests {
    use super::*;

    fn none() -> Finishers {
        Finishers([const { AtomicU64::new(0) }; MOST])
    }

    fn child() -> (std::process::Child, u64) {
        let child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let word = Pid::from_raw(child.id().cast_signed()).and_then(identity).unwrap();
        (child, word)
    }

    #[test]
    fn no_place_is_free_until_a_finisher_has_ended() {
        let (finishers, (mut sleeper, word)) = (none(), child());
        (0..MOST).for_each(|at| assert_eq!(finishers.take(word), Some(at)));
        assert_eq!(finishers.take(word), None);
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
        assert_eq!(finishers.take(1), Some(0));
    }

    #[test]
    fn finishers_are_killed_and_no_other_process_is() {
        let (finishers, (mut sleeper, word), (mut other, another)) = (none(), child(), child());
        // The pid of a process with the start time of another one; and a process that waits in place.
        finishers.0[0].store(another ^ (1 << 40), SeqCst);
        finishers.0[1].store(another | ITSELF, SeqCst);
        assert!(!finishers.end());
        finishers.0[2].store(word, SeqCst);
        assert!(finishers.end());
        sleeper.wait().unwrap();
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
    }
}

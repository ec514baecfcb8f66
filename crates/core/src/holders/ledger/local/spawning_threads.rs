//! The threads that are creating a process which no count covers.
//!
//! No hook sees when the process has been created: `vfork` returns twice into the caller's frame, a
//! call by `syscall()` is jumped through, and `system` waits for the program that it runs. The thread
//! itself tells: it enters another hook of ours, or waits in a system call that it can make
//! only afterwards.
//!
//! Context: hooks of any kind, on the program's threads; lock-free. Procfs is asked about another
//! thread only while a thread is creating a process.

use crate::sys::process;
use crate::sys::procfs::{self, Dir, Path};
use crate::sys::raw::nr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use rustix::io::Errno;
use rustix::path::DecInt;

/// What the process that is being created does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Child {
    /// libc's own code has it execute another program.
    Executes,
    /// It runs code of this program.
    RunsOn,
    /// It runs code of this program, on the memory of its parent, until it executes another program or
    /// ends. Its parent's thread waits for that: `vfork`.
    Borrows,
}

/// Whether a hook sees when the call is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Return {
    /// Yes: the hook calls [`SpawningThreads::leave`].
    Seen,
    /// No: the thread is in its next hook by then, or elsewhere.
    Unseen,
}

const PLACES: usize = 8;
const RUNS_ON: u32 = 1 << 29;
const BORROWS: u32 = 1 << 30;
const UNSEEN: u32 = 1 << 31;
const THREAD: u32 = RUNS_ON - 1;

/// A few threads, by their ids.
pub struct SpawningThreads {
    /// A thread id and the bits above; 0: no thread.
    threads: [AtomicU32; PLACES],
    /// There were more threads than places.
    is_lost: AtomicBool,
}

impl SpawningThreads {
    /// No thread.
    pub const fn new() -> Self {
        Self { threads: [const { AtomicU32::new(0) }; PLACES], is_lost: AtomicBool::new(false) }
    }

    /// The calling thread is about to create a process.
    pub fn enter(&self, child: Child, end: Return) {
        let Some(me) = me() else { return self.is_lost.store(true, SeqCst) };
        let word = me | bits_of(child) | if end == Return::Unseen { UNSEEN } else { 0 };
        if !self.threads.iter().any(|place| place.compare_exchange(0, word, SeqCst, SeqCst).is_ok()) {
            self.is_lost.store(true, SeqCst);
        }
    }

    /// The calling thread has created it.
    pub fn leave(&self) {
        let Some(me) = me() else { return };
        let is_mine = |word: u32| word & THREAD == me && word & UNSEEN == 0;
        let clear = |word| is_mine(word).then_some(0);
        let _ = self.threads.iter().any(|place| place.fetch_update(SeqCst, SeqCst, clear).is_ok());
    }

    /// Forgets the threads that have created their processes; calls `made` for each before.
    pub fn settle(&self, made: impl Fn(Child)) {
        for place in &self.threads {
            let word = place.load(SeqCst);
            if word != 0 && has_made(word) {
                made(child_of(word));
                let _ = place.compare_exchange(word, 0, SeqCst, SeqCst);
            }
        }
    }

    /// Whether a thread may have created its process in a call whose return no hook sees.
    pub fn is_any_unseen(&self) -> bool {
        self.threads.iter().any(|place| place.load(SeqCst) & UNSEEN != 0)
    }

    /// Whether a thread is creating a process, as far as is known.
    pub fn is_any(&self) -> bool {
        self.is_any_with(u32::MAX)
    }

    /// Whether a thread is creating a process that runs code of this program.
    pub fn is_any_running(&self) -> bool {
        self.is_any_with(RUNS_ON | BORROWS)
    }

    /// Whether a thread is creating a process that runs this program with all that this one has.
    pub fn is_any_running_on(&self) -> bool {
        self.is_any_with(RUNS_ON)
    }

    fn is_any_with(&self, bits: u32) -> bool {
        self.is_lost.load(SeqCst) || self.threads.iter().any(|place| place.load(SeqCst) & bits != 0)
    }

    /// In the child of a fork, which has one thread; that thread is creating nothing.
    pub fn forget(&self) {
        self.threads.iter().for_each(|place| place.store(0, SeqCst));
        self.is_lost.store(false, SeqCst);
    }
}

fn bits_of(child: Child) -> u32 {
    match child {
        Child::Executes => 0,
        Child::RunsOn => RUNS_ON,
        Child::Borrows => BORROWS,
    }
}

fn child_of(word: u32) -> Child {
    match word & (RUNS_ON | BORROWS) {
        0 => Child::Executes,
        RUNS_ON => Child::RunsOn,
        _ => Child::Borrows,
    }
}

fn me() -> Option<u32> {
    process::thread().map(|thread| thread.as_raw_nonzero().get() as u32)
}

fn has_made(word: u32) -> bool {
    let thread = word & THREAD;
    let is_mine = me() == Some(thread);
    let is_unseen = word & UNSEEN != 0;
    if is_mine { is_unseen } else { has_gone_on(thread, is_unseen) }
}

/// Whether the thread waits in a system call that it makes only after it has created its process, or
/// has ended. Where the return of its call `is_unseen`, it takes no lock between hook and call.
#[inline(never)]
fn has_gone_on(thread: u32, is_unseen: bool) -> bool {
    let mut room = [0; 256];
    let name = Path::join(DecInt::new(thread).as_c_str(), c"/syscall");
    let tasks = Dir::root().and_then(|root| root.below(c"self/task"));
    match tasks.and_then(|tasks| tasks.read(name.as_c_str(), &mut room).map(|line| waits_elsewhere(line, is_unseen))) {
        Ok(waits) => waits,
        Err(error) => matches!(error, Errno::NOENT | Errno::SRCH) && procfs::shows_our_numbers(),
    }
}

/// Whether a line of `/proc/TID/syscall` names such a call. `system` may take a lock (`futex`)
/// before it creates its process. Of a thread that is `running` nobody knows.
fn waits_elsewhere(line: &[u8], is_unseen: bool) -> bool {
    /// With those that x86_64 alone has.
    #[cfg(target_arch = "x86_64")]
    const OLD_WAITS: [usize; 3] = [nr::POLL, nr::SELECT, nr::EPOLL_WAIT];
    #[cfg(not(target_arch = "x86_64"))]
    const OLD_WAITS: [usize; 0] = [];
    const WAITS: [usize; 13] = [
        nr::READ,
        nr::WRITE,
        nr::NANOSLEEP,
        nr::ACCEPT,
        nr::RECVFROM,
        nr::RECVMSG,
        nr::WAIT4,
        nr::CLOCK_NANOSLEEP,
        nr::WAITID,
        nr::PSELECT6,
        nr::PPOLL,
        nr::EPOLL_PWAIT,
        nr::ACCEPT4,
    ];
    let number = line.split(|&byte| byte == b' ').next().and_then(procfs::number);
    number.is_some_and(|number| {
        let number = number as usize;
        WAITS.contains(&number) || OLD_WAITS.contains(&number) || is_unseen && number == nr::FUTEX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_tells_whether_the_thread_has_gone_on() {
        assert!(waits_elsewhere(format!("{} 0x7 0x7ff 0x0 0x0 0x0 0x0 0x7ff 0x7f1\n", nr::WAIT4).as_bytes(), false));
        assert!(!waits_elsewhere(format!("{} 0x0 0x0 0x0 0x0 0x0 0x0 0x7ff 0x7f1\n", nr::CLONE).as_bytes(), false));
        assert!(!waits_elsewhere(b"running\n", false));
        let lock = format!("{} 0x7 0x7ff 0x0 0x0 0x0 0x0 0x7ff 0x7f1\n", nr::FUTEX);
        assert_eq!([false, true].map(|is_unseen| waits_elsewhere(lock.as_bytes(), is_unseen)), [false, true]);
        assert!(!waits_elsewhere(b"-1 0x7ff 0x7f1\n", false));
    }

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn a_thread_that_has_ended_creates_no_process() {
        let spawning = SpawningThreads::new();
        std::thread::scope(|scope| {
            scope.spawn(|| spawning.enter(Child::Executes, Return::Seen)).join().unwrap();
        });
        let is_gone = || {
            spawning.settle(|_| ());
            !spawning.is_any()
        };
        while !is_gone() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn more_threads_than_places_count_as_one_that_never_ends() {
        let spawning = SpawningThreads::new();
        (0..=PLACES).for_each(|_| spawning.enter(Child::Executes, Return::Seen));
        (0..=PLACES).for_each(|_| spawning.leave());
        assert!(spawning.is_any());
    }
}

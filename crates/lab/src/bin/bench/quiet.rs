//! How quiet the machine was: what others did to its processors meanwhile.

use std::fs;
use std::mem;
use std::time::{Duration, Instant};

/// How long what a measure has left behind may take to end.
const LEFT_BEHIND: Duration = Duration::from_secs(5);

/// Ticks of `/proc/stat`: `USER_HZ`, which is 100 for every program.
const TICK: f64 = 0.01;

/// From here on.
pub struct Watch {
    began: Instant,
    busy: f64,
    own: f64,
}

impl Watch {
    /// Orphans of servers become ours from now on: a parent that is killed cannot
    /// wait for its children, and nobody would know what they used.
    pub fn begin() -> Self {
        // SAFETY: no memory is passed.
        let answer = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
        assert_eq!(answer, 0, "PR_SET_CHILD_SUBREAPER is as old as Linux 3.4");
        Self { began: Instant::now(), busy: busy(), own: own() }
    }

    /// Percent of all processors that others had: programs that are not ours, and other
    /// machines on the same processors (steal). Every child of ours has to be gone.
    pub fn others(self) -> f64 {
        wait_for_all();
        let cores = std::thread::available_parallelism().map_or(1, usize::from) as f64;
        let others = (busy() - self.busy) - (own() - self.own);
        100.0 * others.max(0.0) / (self.began.elapsed().as_secs_f64() * cores)
    }
}

fn wait_for_all() {
    let until = Instant::now() + LEFT_BEHIND;
    loop {
        // SAFETY: a null status is allowed.
        let answer = unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) };
        match answer {
            ..0 => return,
            0 if Instant::now() > until => return,
            0 => std::thread::park_timeout(Duration::from_millis(5)),
            _ => {}
        }
    }
}

/// Seconds that the processors were not idle: all columns but those of idling, and of
/// guests, which are in others already.
fn busy() -> f64 {
    let text = fs::read_to_string("/proc/stat").expect("every Linux has it");
    let line = text.lines().next().expect("a line for all processors");
    let ticks: Vec<f64> = line.split_whitespace().skip(1).filter_map(|word| word.parse().ok()).collect();
    let counted = ticks.iter().enumerate().filter(|(at, _)| *at < 8 && !matches!(at, 3 | 4));
    counted.map(|(_, ticks)| ticks * TICK).sum()
}

/// Seconds that we have used, and everybody that we have waited for.
fn own() -> f64 {
    [libc::RUSAGE_SELF, libc::RUSAGE_CHILDREN].map(used).iter().sum()
}

fn used(who: libc::c_int) -> f64 {
    // SAFETY: rusage is plain data, for which zeroes are valid.
    let mut usage: libc::rusage = unsafe { mem::zeroed() };
    // SAFETY: `usage` is valid for writes.
    let answer = unsafe { libc::getrusage(who, &mut usage) };
    assert_eq!(answer, 0, "getrusage");
    [usage.ru_utime, usage.ru_stime].map(|time| time.tv_sec as f64 + time.tv_usec as f64 * 1e-6).iter().sum()
}

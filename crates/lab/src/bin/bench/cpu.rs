//! Processor time of other processes.

use softclose_lab::tree;
use std::fs;
use std::time::Duration;

/// The place of `cutime` and `cstime` in `/proc/PID/stat`, behind the name.
const CHILDREN: usize = 13;

/// A tick of `/proc`: `USER_HZ` is 100 for every program.
const MILLISECONDS_A_TICK: u64 = 10;

/// The processor time of a process: of all its threads, also those that have ended. It is exact to
/// the nanosecond (`clock_getcpuclockid(3)`); `/proc/PID/stat` only counts ticks.
pub fn spent(pid: u32) -> Duration {
    clock(pid).unwrap_or_else(|| panic!("no process {pid}"))
}

fn clock(pid: u32) -> Option<Duration> {
    let pid = libc::pid_t::try_from(pid).expect("a pid");
    let mut clock = 0;
    // SAFETY: `clock` is valid for writes.
    if unsafe { libc::clock_getcpuclockid(pid, &mut clock) } != 0 {
        return None;
    }
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid for writes.
    let is_there = unsafe { libc::clock_gettime(clock, &mut time) } == 0;
    is_there.then(|| Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec.try_into().expect("nanoseconds")))
}

/// The processor time of a process and of its descendants, also of those that have ended and that
/// their parents have waited for.
pub fn of_family(pid: u32) -> Duration {
    tree::processes(pid).into_iter().map(|pid| clock(pid).unwrap_or_default() + of_ended_children(pid)).sum()
}

/// Only in ticks: the kernel does not say it more exactly.
fn of_ended_children(pid: u32) -> Duration {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks = fields.skip(CHILDREN).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(MILLISECONDS_A_TICK * ticks)
}

/// Processor time of one thread, and how often it was woken or taken off its processor.
#[derive(Clone, Copy, Debug, Default)]
pub struct Task {
    /// Time on a processor.
    pub time: Duration,
    /// Voluntary and involuntary context switches.
    pub switches: u64,
}

impl Task {
    /// Reads the values of a thread.
    pub fn now(pid: u32, tid: u32) -> Self {
        let read = |file| fs::read_to_string(format!("/proc/{pid}/task/{tid}/{file}")).unwrap_or_default();
        let nanoseconds = read("schedstat").split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0);
        let status = read("status");
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        let switches = lines.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok()).sum();
        Self { time: Duration::from_nanos(nanoseconds), switches }
    }
}

/// Threads of a process beside its first one.
pub fn other_threads(pid: u32) -> Vec<u32> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    tasks.filter_map(|task| task.file_name().to_str()?.parse().ok()).filter(|&tid| tid != pid).collect()
}

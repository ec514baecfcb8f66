//! The millisecond clock of the drain.
//!
//! `CLOCK_MONOTONIC_COARSE` is exact to a timer tick, which is finer than any
//! bound. It is read through the vDSO, which [`resolve`] finds; where there is none, as
//! under valgrind, it is a system call. The value wraps after 49 days; ages are
//! computed with wrapping subtraction, and no bound exceeds one day.

use super::raw::{nr, syscall6};
use core::cell::Cell;
use rustix::process::Pid;
use rustix::time::{ClockId, DynamicClockId, Timespec, clock_gettime_dynamic};

/// Milliseconds since an arbitrary origin, modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Millis(pub u32);

impl Millis {
    /// The present.
    pub fn now() -> Self {
        let Timespec { tv_sec, tv_nsec } = read(ClockId::MonotonicCoarse);
        Self((tv_sec as u32).wrapping_mul(1000).wrapping_add((tv_nsec / 1_000_000) as u32))
    }

    /// Milliseconds from `earlier` to `self`; 0 where `earlier` is later.
    pub fn since(self, earlier: Self) -> u32 {
        let age = self.0.wrapping_sub(earlier.0);
        if age > u32::MAX / 2 { 0 } else { age }
    }

    /// `ms` milliseconds after `self`.
    pub fn plus(self, ms: u32) -> Self {
        Self(self.0.wrapping_add(ms))
    }
}

/// Seconds since 1970.
pub fn seconds_since_1970() -> u64 {
    u64::try_from(read(ClockId::RealtimeCoarse).tv_sec).unwrap_or(0)
}

/// A point in the processor time of the calling thread: where others take the processor away
/// from it, they do so natively.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadTime {
    microseconds: u64,
}

impl ThreadTime {
    /// When the calling thread has had the processor for so many microseconds from now on.
    pub fn after(microseconds: u64) -> Self {
        Self { microseconds: thread_microseconds() + microseconds }
    }

    /// Whether it has come; a system call.
    pub fn is_over(self) -> bool {
        thread_microseconds() >= self.microseconds
    }
}

/// Microseconds of processor time that the calling thread has used.
fn thread_microseconds() -> u64 {
    thread_time(None).unwrap_or(0) / 1000
}

/// Seconds since boot, sleep included: as in `/proc/PID/stat`. By system call: this clock
/// is not coarse, and the vDSO reads the processor's counter for it, which the program may
/// have forbidden (`PR_SET_TSC`).
pub fn seconds_since_boot() -> u32 {
    u32::try_from(by_system_call(ClockId::Boottime as usize).map_or(0, |now| now.tv_sec)).unwrap_or(0)
}

/// Nanoseconds since boot, in the same way.
pub fn nanoseconds_since_boot() -> u64 {
    by_system_call(ClockId::Boottime as usize).map_or(0, nanoseconds)
}

/// Microseconds since an arbitrary origin; by system call, for the same reason.
pub fn microseconds() -> u64 {
    by_system_call(ClockId::Monotonic as usize).map_or(0, nanoseconds) / 1000
}

/// How long a hook may look for something before it goes without: a millisecond of the
/// thread's own time, from the first time that somebody asks.
#[derive(Debug, Default)]
pub struct Budget {
    until: Cell<Option<ThreadTime>>,
}

impl Budget {
    /// Not begun.
    pub const fn new() -> Self {
        Self { until: Cell::new(None) }
    }

    /// Whether it is used up; a system call, so not to be asked at every step.
    pub fn is_spent(&self) -> bool {
        const MICROSECONDS: u64 = 1000;
        match self.until.get() {
            Some(until) => until.is_over(),
            None => {
                self.until.set(Some(ThreadTime::after(MICROSECONDS)));
                false
            }
        }
    }

    #[cfg(test)]
    #[allow(missing_docs)]
    pub fn spent() -> Self {
        Self { until: Cell::new(Some(ThreadTime { microseconds: 0 })) }
    }
}

/// Nanoseconds that a thread of this process has had the processor: the calling one, or that
/// with this id (`make_thread_cpuclock`).
pub fn thread_time(thread: Option<Pid>) -> Option<u64> {
    const CPUCLOCK_PERTHREAD_SCHED: usize = 6;
    let clock = thread.map_or(ClockId::ThreadCPUTime as usize, |thread| {
        !(thread.as_raw_nonzero().get() as usize) << 3 | CPUCLOCK_PERTHREAD_SCHED
    });
    by_system_call(clock).map(nanoseconds)
}

fn by_system_call(clock: usize) -> Option<Timespec> {
    let mut time = Timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one `timespec`.
    unsafe { syscall6(nr::CLOCK_GETTIME, [clock, (&raw mut time) as usize, 0, 0, 0, 0]) }.ok()?;
    Some(time)
}

fn nanoseconds(time: Timespec) -> u64 {
    (time.tv_sec as u64).wrapping_mul(1_000_000_000).wrapping_add(time.tv_nsec as u64)
}

/// In the constructor: has rustix look the vDSO up, for which it asks libc.
pub fn resolve() {
    let _ = Millis::now();
}

fn read(clock: ClockId) -> Timespec {
    clock_gettime_dynamic(DynamicClockId::Known(clock)).unwrap_or(Timespec { tv_sec: 0, tv_nsec: 0 })
}

/// `ms` milliseconds as the kernel wants them.
pub fn timespec(ms: u32) -> Timespec {
    timespec_of_micros(u64::from(ms) * 1000)
}

/// The same of microseconds.
pub fn timespec_of_micros(micros: u64) -> Timespec {
    Timespec { tv_sec: (micros / 1_000_000) as i64, tv_nsec: (micros % 1_000_000) as i64 * 1000 }
}

/// Sleeps for so many microseconds, or until a signal's handler has run.
pub fn rest_us(us: u32) {
    let _ = rustix::thread::nanosleep(&timespec_of_micros(u64::from(us)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn a_thread_is_known_by_the_processor_that_it_had() {
        let me = crate::sys::process::thread();
        let before = thread_time(None).unwrap();
        let by_id = thread_time(me).unwrap();
        assert!(before <= by_id && by_id <= thread_time(None).unwrap());
        assert_eq!(thread_time(rustix::process::Pid::from_raw(1 << 23)), None);
    }

    #[test]
    fn ages_survive_the_wrap_of_the_clock() {
        assert_eq!(Millis(5).since(Millis(u32::MAX - 4)), 10);
        assert_eq!(Millis(5).since(Millis(7)), 0);
        assert_eq!(Millis(u32::MAX).plus(2), Millis(1));
    }
}

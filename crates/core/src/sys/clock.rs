//! Clocks, durations and sleeping.
//!
//! The drain measures time in [`Millis`], by `CLOCK_MONOTONIC_COARSE`. That clock is exact to a
//! timer tick (1 to 10 ms), which is finer than any bound. It is read through the vDSO, of which
//! [`resolve`] is told; where there is none, as under Valgrind, by a system call. The value wraps
//! after 49 days. Ages are computed with wrapping subtraction, and no bound exceeds one day.
//!
//! Context: async-signal-safe.

use super::raw::{nr, syscall6};
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use rustix::process::Pid;
use rustix::time::{ClockId, Timespec};

/// A point in time: milliseconds since an arbitrary origin, modulo 2^32.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Millis(pub u32);

impl Millis {
    /// The present time.
    pub fn now() -> Self {
        let Timespec { tv_sec, tv_nsec } = read(ClockId::MonotonicCoarse);
        Self((tv_sec as u32).wrapping_mul(1000).wrapping_add((tv_nsec / 1_000_000) as u32))
    }

    /// Milliseconds from `earlier` to `self`; 0 where `earlier` is later.
    pub fn since(self, earlier: Self) -> u32 {
        let age = self.0.wrapping_sub(earlier.0);
        if age > u32::MAX / 2 { 0 } else { age }
    }

    /// The time `ms` milliseconds after `self`.
    pub fn plus(self, ms: u32) -> Self {
        Self(self.0.wrapping_add(ms))
    }
}

/// Seconds since 1970, exact to a timer tick.
pub fn seconds_since_1970() -> u64 {
    u64::try_from(read(ClockId::RealtimeCoarse).tv_sec).unwrap_or(0)
}

/// A point in the processor time of the calling thread. Time in which other threads have the
/// processor does not count: they would have it natively as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadTime {
    microseconds: u64,
}

impl ThreadTime {
    /// The point at which the calling thread has used `microseconds` more than now. A system call.
    pub fn after(microseconds: u64) -> Self {
        Self { microseconds: thread_microseconds() + microseconds }
    }

    /// Whether the calling thread has reached the point. A system call.
    pub fn is_over(self) -> bool {
        thread_microseconds() >= self.microseconds
    }
}

/// Microseconds of processor time that the calling thread has used.
fn thread_microseconds() -> u64 {
    thread_time(None).unwrap_or(0) / 1000
}

/// Seconds since boot, sleep included, like the times in `/proc/PID/stat`. It is a system call: for
/// this clock, which is not coarse, the vDSO would read the processor's time stamp counter, and the
/// program may have forbidden that (`PR_SET_TSC`).
pub fn seconds_since_boot() -> u32 {
    u32::try_from(by_system_call(ClockId::Boottime as usize).map_or(0, |now| now.tv_sec)).unwrap_or(0)
}

/// Nanoseconds since boot, sleep included. A system call, as in [`seconds_since_boot`].
pub fn nanoseconds_since_boot() -> u64 {
    by_system_call(ClockId::Boottime as usize).map_or(0, nanoseconds)
}

/// Microseconds since an arbitrary origin. A system call, as in [`seconds_since_boot`].
pub fn microseconds() -> u64 {
    by_system_call(ClockId::Monotonic as usize).map_or(0, nanoseconds) / 1000
}

/// How long a hook may search for something before it gives up: a millisecond of the thread's
/// processor time, from the first question on.
#[derive(Debug, Default)]
pub struct Budget {
    until: Cell<Option<ThreadTime>>,
}

impl Budget {
    /// A budget of which nothing is used.
    pub const fn new() -> Self {
        Self { until: Cell::new(None) }
    }

    /// Whether the budget is used up. A system call, so not to be asked at every step.
    pub fn is_spent(&self) -> bool {
        /// Without optimization the same search takes several times as long.
        const MICROSECONDS: u64 = if cfg!(debug_assertions) { 4 * 1000 } else { 1000 };
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

/// Nanoseconds of processor time that a thread of this process has used: the thread with this id,
/// or the calling one for `None`. `None` where there is no such thread. Source:
/// `make_thread_cpuclock`.
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

/// `clock_gettime` of the vDSO; null where there is none.
static OF_VDSO: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());

/// To be called in the constructor, with the address of the vDSO's `__vdso_clock_gettime`, or null.
pub fn resolve(function: *mut c_void) {
    OF_VDSO.store(function, Relaxed);
}

fn read(clock: ClockId) -> Timespec {
    type Function = unsafe extern "C" fn(i32, *mut Timespec) -> i32;
    let mut time = Timespec { tv_sec: 0, tv_nsec: 0 };
    let function = OF_VDSO.load(Relaxed);
    if function.is_null() {
        return by_system_call(clock as usize).unwrap_or(time);
    }
    // SAFETY: it is that function, which writes one timespec, and 0 for an error.
    unsafe { core::mem::transmute::<*mut c_void, Function>(function)(clock as i32, &raw mut time) };
    time
}

/// `ms` milliseconds as a `timespec`.
pub fn timespec(ms: u32) -> Timespec {
    timespec_of_micros(u64::from(ms) * 1000)
}

/// `micros` microseconds as a `timespec`.
pub fn timespec_of_micros(micros: u64) -> Timespec {
    Timespec { tv_sec: (micros / 1_000_000) as i64, tv_nsec: (micros % 1_000_000) as i64 * 1000 }
}

/// Sleeps for `us` microseconds, or until a signal handler has run.
pub fn rest_us(us: u32) {
    let _ = rustix::thread::nanosleep(&timespec_of_micros(u64::from(us)));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "system calls")]
    fn the_time_of_a_thread_is_the_same_by_its_id() {
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

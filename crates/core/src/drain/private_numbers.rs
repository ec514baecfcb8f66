//! Where the private descriptor numbers lie, and how many there may be.
//!
//! A private descriptor is a close-on-exec duplicate of a closed socket, in the program's own
//! descriptor table. Its number must not be one that the program counts on to be the lowest free
//! one, and should take nothing from what `RLIMIT_NOFILE` allows the program.
//!
//! Context: any hook; async-signal-safe and lock-free.

use super::table::place;
use crate::sys::limit::{self, Limit, Limits};
use crate::sys::poller::A_FEW;
use core::sync::atomic::{AtomicI32, AtomicU32, Ordering::SeqCst};
use rustix::io::Errno;

/// How many sockets more than the cap may be held until the drainer has evicted some.
const SLACK: u32 = 64;
/// `select(2)` can use the numbers below this one (`FD_SETSIZE`).
const BEYOND_SELECT: i32 = 1024;
/// A fork copies a descriptor table whose numbers are all below this one at no cost
/// (`NR_OPEN_DEFAULT` in `dup_fd`); a program of few descriptors does not use the last of these.
const SMALL_TABLE: i32 = 64;
/// The largest cap.
const MOST: u32 = place::MOST - SLACK;

/// The private numbers of one process, by the limits of the last [`Self::measure`].
pub struct PrivateNumbers {
    /// The lowest private number below the soft limit.
    base: AtomicI32,
    /// How many private numbers there may be below the soft limit.
    below: AtomicU32,
    /// The soft limit, where private numbers lie beyond it; else 0.
    beyond: AtomicU32,
    /// The hard limit.
    hard: AtomicU32,
    /// How many sockets may be held.
    cap: AtomicU32,
    /// How many more may be held until the drainer has evicted some.
    slack: AtomicU32,
}

impl PrivateNumbers {
    /// Nothing measured yet: no number is private.
    pub const fn new() -> Self {
        Self {
            base: AtomicI32::new(i32::MAX),
            below: AtomicU32::new(0),
            beyond: AtomicU32::new(0),
            hard: AtomicU32::new(0),
            cap: AtomicU32::new(1),
            slack: AtomicU32::new(0),
        }
    }

    /// Plans by the limits of now; `max_held` is what the user allows to be held.
    pub fn measure(&self, max_held: Option<u32>) {
        let limits = limit::of_numbers();
        let wanted = max_held.unwrap_or((limits.soft / 4).min(4096));
        let NumberPlan { cap, slack, base, below, beyond } = plan_numbers(limits, wanted);
        self.cap.store(cap, SeqCst);
        self.slack.store(slack, SeqCst);
        self.base.store(base, SeqCst);
        self.below.store(below, SeqCst);
        self.beyond.store(if beyond { limits.soft } else { 0 }, SeqCst);
        self.hard.store(limits.hard, SeqCst);
    }

    /// How many sockets may be held; above that the drainer evicts.
    pub fn cap(&self) -> u32 {
        self.cap.load(SeqCst)
    }

    /// How many sockets may be held until the drainer has evicted some.
    pub fn room(&self) -> u32 {
        self.cap() + self.slack.load(SeqCst)
    }

    /// From which number on the place with this index looks for a free one, below the soft
    /// limit. Several places may share one: there can be more places than numbers.
    pub fn number_of(&self, index: usize) -> i32 {
        let turn = index % (self.below.load(SeqCst) as usize + 1);
        self.base.load(SeqCst).saturating_add(turn as i32)
    }

    /// From which number on the place with this index looks for a free one, beyond the soft
    /// limit; `None` where private numbers do not lie there.
    pub fn number_beyond(&self, index: usize) -> Option<i32> {
        self.limit_below().map(|soft| (soft as i32).saturating_add(index as i32))
    }

    /// Makes a private descriptor for the place with this index; `make` gets the lowest number
    /// that it may have. Beyond the soft limit, if `limit` can be raised now; else below.
    ///
    /// # Errors
    /// What `make` answers below the soft limit.
    pub fn make<T>(&self, limit: &Limit, index: usize, make: impl Fn(i32) -> Result<T, Errno>) -> Result<T, Errno> {
        if let Some(number) = self.number_beyond(index) {
            let limits = Limits { soft: self.beyond.load(SeqCst), hard: self.hard.load(SeqCst) };
            let to = limits.soft + self.room() + A_FEW as u32;
            if let Some(Ok(made)) = limit.above(limits, to, || make(number)) {
                return Ok(made);
            }
        }
        make(self.number_of(index))
    }

    /// The soft limit, where private numbers lie beyond it.
    pub fn limit_below(&self) -> Option<u32> {
        Some(self.beyond.load(SeqCst)).filter(|&soft| soft != 0)
    }
}

/// Near which number the drainer's epoll set should lie, where that is below the private ones. A
/// program that forks pays for a large descriptor table at each fork; another one may use
/// `select`.
pub fn low_number_of_set(has_forked: bool) -> i32 {
    if has_forked { SMALL_TABLE - A_FEW } else { BEYOND_SELECT }
}

/// What of the descriptor numbers is ours; see the fields of [`PrivateNumbers`].
#[derive(Debug, PartialEq, Eq)]
struct NumberPlan {
    cap: u32,
    slack: u32,
    base: i32,
    below: u32,
    /// Whether private numbers lie beyond the soft limit.
    beyond: bool,
}

/// Plans where private numbers lie; `wanted` sockets are to be held.
///
/// They lie right beyond the soft limit where the hard limit allows it, and take nothing from the
/// program. Else they lie below the soft limit: never in the lower half, where the program counts
/// on the lowest free number, and no higher than right above what `select(2)` can use, as a fork
/// copies the kernel's table up to the highest number.
fn plan_numbers(limits: Limits, wanted: u32) -> NumberPlan {
    const SET_AND_MARGIN: u32 = A_FEW as u32;
    const HIGH_ENOUGH: u32 = BEYOND_SELECT as u32 + SET_AND_MARGIN;
    /// Above such a soft limit, what is held is a small part of it, and numbers beyond it would
    /// make the kernel's table long.
    const SMALL: u32 = 8192;
    let Limits { soft, hard } = limits;
    let wanted = wanted.min(MOST);
    let within = (soft / 2).saturating_sub(SET_AND_MARGIN);
    let beyond = soft <= SMALL && hard.saturating_sub(soft) > wanted + SLACK + SET_AND_MARGIN;
    let room = if beyond { wanted + SLACK } else { within };
    let cap = wanted.min(room);
    let slack = cap.min(SLACK).min(room - cap);
    let below = if beyond { within } else { cap + slack };
    let base = soft.saturating_sub(below + SET_AND_MARGIN).max(soft / 2).min(HIGH_ENOUGH);
    NumberPlan { cap, slack, base: base as i32, below, beyond }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(limit: u32, wanted: u32) -> NumberPlan {
        plan_numbers(Limits { soft: limit, hard: limit }, wanted)
    }

    #[test]
    fn private_numbers_stay_in_the_upper_half() {
        let beyond = false;
        assert_eq!(fixed(64, 16), NumberPlan { cap: 16, slack: 8, base: 32, below: 24, beyond });
        assert_eq!(fixed(1024, 256), NumberPlan { cap: 256, slack: 64, base: 696, below: 320, beyond });
        assert_eq!(fixed(1024, 65536), NumberPlan { cap: 504, slack: 0, base: 512, below: 504, beyond });
        assert_eq!(fixed(1 << 20, 4096), NumberPlan { cap: 4096, slack: 64, base: 1032, below: 4160, beyond });
    }

    #[test]
    fn where_there_is_no_room_nothing_is_held() {
        let beyond = false;
        assert_eq!(fixed(16, 4), NumberPlan { cap: 0, slack: 0, base: 8, below: 0, beyond });
        assert_eq!(fixed(6, 4), NumberPlan { cap: 0, slack: 0, base: 3, below: 0, beyond });
        assert_eq!(fixed(0, 0).cap, 0);
    }

    #[test]
    fn private_numbers_lie_beyond_a_small_soft_limit() {
        let limits = Limits { soft: 1024, hard: 1 << 20 };
        assert_eq!(plan_numbers(limits, 256), NumberPlan { cap: 256, slack: 64, base: 512, below: 504, beyond: true });
        assert!(!plan_numbers(Limits { soft: 1 << 16, ..limits }, 4096).beyond);
        assert!(!plan_numbers(Limits { hard: 1100, ..limits }, 256).beyond);
    }
}

//! `RLIMIT_NOFILE`, and numbers beyond it.
//!
//! The kernel looks at the soft limit only where it gives out a number; numbers above
//! stay valid. So where the hard limit allows it, a private descriptor is made above the
//! soft limit, which is raised for the length of that one call, and takes nothing from the
//! program. For this fraction of a microsecond another thread of the program could see the
//! raised limit, or move it: then its own is what stays. A child that is being made could
//! inherit it: nobody raises while one is ([`keep`]), and a fork child looks ([`mend`]).
//!
//! Context: any hook, and the drainer's thread; lock-free. The caller holds signals back.

use super::clock::Millis;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::SeqCst};
use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

/// Somebody has raised it.
static RAISED: AtomicBool = AtomicBool::new(false);
/// Nobody raises it until then; 0 for no time.
static KEPT_UNTIL: AtomicU32 = AtomicU32::new(0);
/// What it was raised to last, and from.
static TO: AtomicU64 = AtomicU64::new(0);
static FROM: AtomicU64 = AtomicU64::new(0);

/// Both limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What the kernel looks at.
    pub soft: u32,
    /// What that may be raised to.
    pub hard: u32,
}

/// Those of now.
pub fn of_numbers() -> Limits {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let number = |limit: Option<u64>| u32::try_from(limit.unwrap_or(u64::MAX)).unwrap_or(i32::MAX as u32);
    Limits { soft: number(current), hard: number(maximum) }
}

/// Makes `call` with the soft limit raised from that of `limits` to `to`. `None` where
/// that is not to be done now, or the limits have changed.
pub fn above<T>(limits: Limits, to: u32, call: impl FnOnce() -> T) -> Option<T> {
    if RAISED.swap(true, SeqCst) {
        return None;
    }
    let result = if is_kept() { None } else { raised(limits, u64::from(to), call) };
    RAISED.store(false, SeqCst);
    result
}

fn raised<T>(limits: Limits, to: u64, call: impl FnOnce() -> T) -> Option<T> {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let from = current.filter(|&soft| soft == u64::from(limits.soft))?;
    TO.store(to, SeqCst);
    FROM.store(from, SeqCst);
    let ours = Rlimit { current: Some(to), maximum };
    let before = prlimit(None, Resource::Nofile, ours.clone()).ok()?;
    let result = call();
    let after = prlimit(None, Resource::Nofile, before).ok()?;
    if after != ours {
        // Another thread's, set meanwhile.
        let _ = prlimit(None, Resource::Nofile, after);
    }
    Some(result)
}

fn is_kept() -> bool {
    let until = KEPT_UNTIL.load(SeqCst);
    until != 0 && Millis(until).since(Millis::now()) != 0
}

/// A process is about to be made, or the program image to be replaced: nobody raises the
/// limit for a moment.
pub fn keep() {
    const MOMENT_MS: u32 = 5;
    const PATIENCE: u32 = 1000;
    if TO.load(SeqCst) == 0 {
        return;
    }
    KEPT_UNTIL.store(Millis::now().plus(MOMENT_MS).0.max(1), SeqCst);
    for _ in 0..PATIENCE {
        if !RAISED.load(SeqCst) {
            return;
        }
        rustix::thread::sched_yield();
    }
}

/// In a fork child: another thread may have had it raised.
pub fn mend() {
    RAISED.store(false, SeqCst);
    let to = TO.load(SeqCst);
    if to == 0 {
        return;
    }
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == Some(to) {
        let _ = prlimit(None, Resource::Nofile, Rlimit { current: Some(FROM.load(SeqCst)), maximum });
    }
}

//! `RLIMIT_NOFILE`, and numbers beyond it.
//!
//! The kernel looks at the soft limit only where it gives out a number; numbers above
//! stay valid. So where the hard limit allows it, a private descriptor is made above the
//! soft limit, which is raised for the length of that one call, and takes nothing from the
//! program. For this fraction of a microsecond another thread of the program could see the
//! raised limit, or move it: then its own is what stays. A child that is being made could
//! inherit it: nobody raises it for a moment then ([`Limit::keep`]).
//!
//! Context: any hook, and the drainer's thread; lock-free. The caller holds signals back.

use super::clock::Millis;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

/// Who raises it, and when not.
pub struct Limit {
    /// Somebody has raised it.
    raised: AtomicBool,
    /// Nobody raises it until then; 0 for no time.
    kept_until: AtomicU32,
}

/// Both limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What the kernel looks at.
    pub soft: u32,
    /// What that may be raised to.
    pub hard: u32,
}

impl From<Rlimit> for Limits {
    fn from(Rlimit { current, maximum }: Rlimit) -> Self {
        let number = |limit: Option<u64>| u32::try_from(limit.unwrap_or(u64::MAX)).unwrap_or(i32::MAX as u32);
        Self { soft: number(current), hard: number(maximum) }
    }
}

/// Those of now.
pub fn of_numbers() -> Limits {
    getrlimit(Resource::Nofile).into()
}

impl Limit {
    /// Never raised.
    pub const fn new() -> Self {
        Self { raised: AtomicBool::new(false), kept_until: AtomicU32::new(0) }
    }

    /// Makes `call` with the soft limit raised from that of `limits` to `to`. `None` where
    /// that is not to be done now, or the limits have changed.
    pub fn above<T>(&self, limits: Limits, to: u32, call: impl FnOnce() -> T) -> Option<T> {
        if self.raised.swap(true, SeqCst) {
            return None;
        }
        let result = if self.is_kept() { None } else { self.raise(limits, to, call) };
        self.raised.store(false, SeqCst);
        result
    }

    fn raise<T>(&self, limits: Limits, to: u32, call: impl FnOnce() -> T) -> Option<T> {
        let now = getrlimit(Resource::Nofile);
        if Limits::from(now) != limits {
            return None;
        }
        let ours = Rlimit { current: Some(u64::from(to)), ..now };
        let before = prlimit(None, Resource::Nofile, ours).ok()?;
        let result = call();
        let after = prlimit(None, Resource::Nofile, before).ok()?;
        if after != ours {
            // Another thread's, set meanwhile.
            let _ = prlimit(None, Resource::Nofile, after);
        }
        Some(result)
    }

    fn is_kept(&self) -> bool {
        let until = self.kept_until.load(SeqCst);
        until != 0 && Millis(until).since(Millis::now()) != 0
    }

    /// A process is about to be made, the program image to be replaced, or the limit to be
    /// moved by the program: nobody raises it for a moment.
    pub fn keep(&self) {
        const MOMENT_MS: u32 = 20;
        const PATIENCE: u32 = 1000;
        self.kept_until.store(Millis::now().plus(MOMENT_MS).0.max(1), SeqCst);
        for _ in 0..PATIENCE {
            if !self.raised.load(SeqCst) {
                return;
            }
            rustix::thread::sched_yield();
        }
    }

    /// In a fork child: who raised it was another thread, and has not raised ours.
    pub fn forget(&self) {
        self.raised.store(false, SeqCst);
    }
}

//! `RLIMIT_NOFILE`, and descriptors with numbers above it.
//!
//! The kernel looks at the soft limit only when it gives out a number; numbers above the limit
//! stay valid. So where the hard limit allows it, a private descriptor is made above the soft
//! limit, so that it takes none of the program's numbers. For that one call the soft limit is
//! raised, for a fraction of a microsecond. Another thread of the program could see the raised
//! limit, or set its own: then its own stays. A child could inherit the raised limit: so it is
//! not raised while one is made ([`Limit::keep`]).
//!
//! Context: any hook, and the drainer's thread; async-signal-safe, lock-free. The caller holds
//! signals back.

use crate::sys::clock::Millis;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};
use rustix::process::{Resource, Rlimit, getrlimit, prlimit};

/// Raises the soft limit, by one thread at a time.
pub struct Limit {
    /// A thread has raised the limit.
    raised: AtomicBool,
    /// Until this time, in [`Millis`], no thread raises the limit; 0 for no time.
    kept_until: AtomicU32,
}

/// The soft and the hard limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Numbers that the kernel gives out are below this one.
    pub soft: u32,
    /// The soft limit may be raised to this.
    pub hard: u32,
}

impl From<Rlimit> for Limits {
    fn from(Rlimit { current, maximum }: Rlimit) -> Self {
        let number = |limit: Option<u64>| u32::try_from(limit.unwrap_or(u64::MAX)).unwrap_or(i32::MAX as u32);
        Self { soft: number(current), hard: number(maximum) }
    }
}

/// The present limits of this process.
pub fn of_numbers() -> Limits {
    getrlimit(Resource::Nofile).into()
}

impl Limit {
    /// A limit that no thread has raised.
    pub const fn new() -> Self {
        Self { raised: AtomicBool::new(false), kept_until: AtomicU32::new(0) }
    }

    /// Makes `call` while the soft limit is raised to `to`. `None`, and no call is made, where
    /// another thread has raised it, where [`Limit::keep`] forbids it, or where the present
    /// limits are not `limits`.
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
            // Another thread of the program has set its own limit meanwhile.
            let _ = prlimit(None, Resource::Nofile, after);
        }
        Some(result)
    }

    fn is_kept(&self) -> bool {
        let until = self.kept_until.load(SeqCst);
        until != 0 && Millis(until).since(Millis::now()) != 0
    }

    /// For 20 ms from now, no thread raises the limit; one that has raised it is waited for, for a
    /// moment. To be called before the program makes a process, executes a program, or sets the
    /// limit itself.
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

    /// To be called in a fork child: a thread that had raised the limit is not in it.
    pub fn forget(&self) {
        self.raised.store(false, SeqCst);
    }
}

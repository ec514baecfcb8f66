//! Receive sides that the program has shut down, and that stay open until the close or until a
//! given time.
//!
//! A deferred shutdown names the program's own number and the socket's cookie. It takes no
//! private descriptor.
//!
//! A deferred shutdown belongs to the thread that changes its cookie: so of a hook that closes
//! and the drainer only one gets it.
//!
//! Context: any hook, and the drainer; async-signal-safe and lock-free.

use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::region::Region;
use crate::zeroed;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::SeqCst};

zeroed! {
    /// One deferred shutdown.
    pub struct DeferredShutdown {
        /// `SO_COOKIE`; 0: the place is free; [`BUSY`]: it is being filled.
        cookie: AtomicU64,
        /// The number by which the program has shut the receive side.
        fd: AtomicI32,
        /// When it is due, in milliseconds.
        due: AtomicU32,
    }
}

const BUSY: u64 = u64::MAX;
/// How many there can be; a shutdown beyond is done at once.
pub const MOST: usize = 1024;

/// All deferred shutdowns of one process.
pub struct DeferredShutdowns {
    places: Region<DeferredShutdown>,
    /// Places from here on have never been used.
    touched: AtomicU32,
    scheduled: AtomicU32,
}

impl DeferredShutdowns {
    /// None, and no memory yet.
    pub const fn new() -> Self {
        Self { places: Region::new(), touched: AtomicU32::new(0), scheduled: AtomicU32::new(0) }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.scheduled.load(SeqCst)
    }

    fn used(&self) -> impl Iterator<Item = &DeferredShutdown> {
        (0..self.touched.load(SeqCst) as usize).filter_map(|index| self.places.get(index))
    }

    /// Whether the shutdown of this socket is deferred.
    pub fn has(&self, cookie: u64) -> bool {
        self.count() != 0 && self.used().any(|shutdown| shutdown.cookie.load(SeqCst) == cookie)
    }

    /// Adds one, which is due then. False where there is no room.
    pub fn add(&self, fd: Fd, cookie: u64, due: Millis) -> bool {
        let free = |index: &usize| {
            let shutdown = self.places.get(*index);
            shutdown.is_some_and(|shutdown| shutdown.cookie.compare_exchange(0, BUSY, SeqCst, SeqCst).is_ok())
        };
        let Some(index) = self.places.ensure(MOST).then(|| (0..MOST).find(free)).flatten() else { return false };
        let Some(shutdown) = self.places.get(index) else { return false };
        shutdown.fd.store(fd.raw(), SeqCst);
        shutdown.due.store(due.0, SeqCst);
        self.scheduled.fetch_add(1, SeqCst);
        self.touched.fetch_max(index as u32 + 1, SeqCst);
        shutdown.cookie.store(cookie, SeqCst);
        true
    }

    /// Takes the first for which `is_it`, given also its cookie, is true, and answers its number
    /// and cookie. Of two threads that take the same one, one gets it.
    pub fn take(&self, is_it: impl Fn(&DeferredShutdown, u64) -> bool) -> Option<(Fd, u64)> {
        if self.count() == 0 {
            return None;
        }
        self.used().find_map(|shutdown| {
            let cookie = shutdown.cookie.load(SeqCst);
            let fd = Fd::new(shutdown.fd.load(SeqCst))?;
            let wanted = cookie != 0 && cookie != BUSY && is_it(shutdown, cookie);
            if !wanted || shutdown.cookie.compare_exchange(cookie, 0, SeqCst, SeqCst).is_err() {
                return None;
            }
            self.scheduled.fetch_sub(1, SeqCst);
            Some((fd, cookie))
        })
    }

    /// Milliseconds until the first is due.
    pub fn time_left(&self, now: Millis) -> Option<u32> {
        if self.count() == 0 {
            return None;
        }
        let scheduled = self.used().filter(|shutdown| shutdown.cookie.load(SeqCst) != 0);
        scheduled.map(|shutdown| Millis(shutdown.due.load(SeqCst)).since(now)).min()
    }

    /// To be called in a fork child: drops all, which are its parent's.
    pub fn forget(&self) {
        self.used().for_each(|shutdown| shutdown.cookie.store(0, SeqCst));
        self.scheduled.store(0, SeqCst);
    }
}

impl DeferredShutdown {
    /// Whether it was asked for by this number.
    pub fn is_by(&self, fd: Fd) -> bool {
        self.fd.load(SeqCst) == fd.raw()
    }

    /// Whether it is due.
    pub fn is_due(&self, now: Millis) -> bool {
        Millis(self.due.load(SeqCst)).since(now) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fd(raw: i32) -> Fd {
        Fd::new(raw).unwrap()
    }

    #[test]
    fn a_deferred_shutdown_is_taken_once() {
        let shutdowns = DeferredShutdowns::new();
        assert!(shutdowns.add(fd(4), 77, Millis(100)));
        assert!(shutdowns.has(77) && !shutdowns.has(78));
        assert_eq!(shutdowns.take(|_, cookie| cookie == 77), Some((fd(4), 77)));
        assert_eq!(shutdowns.take(|_, cookie| cookie == 77), None);
        assert_eq!(shutdowns.count(), 0);
    }

    #[test]
    fn the_first_that_is_due_says_how_long_to_sleep() {
        let shutdowns = DeferredShutdowns::new();
        assert_eq!(shutdowns.time_left(Millis(0)), None);
        assert!(shutdowns.add(fd(4), 77, Millis(100)) && shutdowns.add(fd(5), 78, Millis(50)));
        assert_eq!(shutdowns.time_left(Millis(20)), Some(30));
        assert_eq!(shutdowns.time_left(Millis(60)), Some(0));
    }

    #[test]
    fn one_beyond_the_limit_is_refused() {
        let shutdowns = DeferredShutdowns::new();
        assert!((0..MOST as u64).all(|cookie| shutdowns.add(fd(4), cookie + 1, Millis(0))));
        assert!(!shutdowns.add(fd(4), 5000, Millis(0)));
        shutdowns.forget();
        assert!(shutdowns.add(fd(4), 5000, Millis(0)));
    }

    #[test]
    fn of_several_threads_each_takes_its_own() {
        let shutdowns = DeferredShutdowns::new();
        std::thread::scope(|scope| {
            for thread in 0..4u64 {
                let shutdowns = &shutdowns;
                scope.spawn(move || {
                    for round in 1..2000 {
                        let cookie = thread << 32 | round;
                        assert!(shutdowns.add(fd(4), cookie, Millis(0)));
                        assert!(shutdowns.take(|_, found| found == cookie).is_some());
                    }
                });
            }
        });
        assert_eq!(shutdowns.count(), 0);
    }
}

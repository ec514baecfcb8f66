//! Receive sides that the program has shut down, and that stay open for a moment.
//!
//! `shutdown(SHUT_RDWR)` before the close is the advice of a thousand tutorials, and
//! with the receive side shut the peer's next segment is answered with a RST. So
//! that half waits: until the close, whose drain makes it needless, or until the
//! grace is over; then the drainer does it, and whoever waits for it wakes.
//!
//! A grace names the program's own number and the socket's cookie. It takes no
//! private descriptor: the drainer duplicates the number for the length of one call,
//! and looks whether it still is that socket.
//!
//! A place belongs to whoever changes its cookie, so that of a close and the drainer
//! only one gets it. Context: any hook, and the drainer's thread; lock-free.

use super::{Drain, Guest};
use crate::decision::Reason;
use crate::holders::ledger::Owner;
use crate::sys::clock::Millis;
use crate::sys::region::Region;
use crate::sys::{Fd, socket};
use crate::zeroed;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::SeqCst};
use rustix::io::Errno;

zeroed! {
    struct DeferredShutdown {
        /// `SO_COOKIE`; 0: free; [`BUSY`]: being filled.
        cookie: AtomicU64,
        fd: AtomicI32,
        due: AtomicU32,
    }
}

const BUSY: u64 = u64::MAX;
/// Beyond that a shutdown is what it is natively.
const MOST: usize = 1024;

/// All shutdowns of one process.
pub struct DeferredShutdowns {
    places: Region<DeferredShutdown>,
    /// Places from here on have never been used.
    touched: AtomicU32,
    scheduled: AtomicU32,
}

impl DeferredShutdowns {
    /// None, and no memory.
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

    fn has(&self, cookie: u64) -> bool {
        self.count() != 0 && self.used().any(|shutdown| shutdown.cookie.load(SeqCst) == cookie)
    }

    /// False where there is no room.
    fn add(&self, fd: Fd, cookie: u64, due: Millis) -> bool {
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

    /// Takes the first that `is_it`; of two takers one gets it.
    fn take(&self, is_it: impl Fn(&DeferredShutdown, u64) -> bool) -> Option<(Fd, u64)> {
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

    /// Milliseconds until the first is over.
    pub fn time_left(&self, now: Millis) -> Option<u32> {
        if self.count() == 0 {
            return None;
        }
        let scheduled = self.used().filter(|shutdown| shutdown.cookie.load(SeqCst) != 0);
        scheduled.map(|shutdown| Millis(shutdown.due.load(SeqCst)).since(now)).min()
    }

    /// In a fork child: they are its parent's.
    pub fn forget(&self) {
        self.used().for_each(|shutdown| shutdown.cookie.store(0, SeqCst));
        self.scheduled.store(0, SeqCst);
    }
}

impl Drain {
    /// The receive side of `fd` will be shut `ms` milliseconds from now, unless the
    /// program closes before.
    ///
    /// # Errors
    /// The reason to shut it at once.
    pub fn schedule(&'static self, owner: Owner<'_>, fd: Fd, ms: u32) -> Result<(), Reason> {
        let cookie = socket::cookie(fd).ok_or(Reason::Unsure)?;
        if self.deferred.has(cookie) {
            return Ok(());
        }
        self.enter(owner, Guest::DeferredShutdown)?;
        let due = Millis::now().plus(ms);
        if !self.deferred.add(fd, cookie, due) {
            self.gate.one_less();
            return Err(Reason::Full);
        }
        if self.gate.is_idle() {
            self.take_back();
            return Ok(());
        }
        self.first_offer.notify();
        if self.oversleeps(due) {
            self.wake();
        }
        Ok(())
    }

    /// `fd` is about to be closed, and drained: its receive side stays open.
    pub fn cancel(&self, fd: Fd) {
        if self.deferred.count() != 0
            && let Some(cookie) = socket::cookie(fd)
            && self.deferred.take(|_, found| found == cookie).is_some()
        {
            self.gate.one_less();
        }
    }

    /// `fd` is about to be closed, and nothing else is to happen: where the grace is
    /// that of this very number, its receive side is shut now.
    pub fn apply_now(&self, fd: Fd) {
        if self.deferred.count() != 0
            && let Some(cookie) = socket::cookie(fd)
            && self.deferred.take(|shutdown, found| found == cookie && shutdown.fd.load(SeqCst) == fd.raw()).is_some()
        {
            let _ = socket::shut_receive(fd);
            self.gate.one_less();
        }
    }

    /// Ends the shutdowns that are over, or all of them.
    pub fn apply_due(&self, all: bool) {
        let now = Millis::now();
        let is_over = |shutdown: &DeferredShutdown, _| all || Millis(shutdown.due.load(SeqCst)).since(now) == 0;
        for _ in 0..MOST {
            let Some((fd, cookie)) = self.deferred.take(is_over) else { return };
            // A number may be had the next time.
            let ended = self.shut_receive(fd, cookie).is_ok() || !self.deferred.add(fd, cookie, now.plus(RETRY_MS));
            if ended {
                self.gate.one_less();
                self.ended.notify();
            }
        }
    }

    /// Shuts the receive side of that socket by the number that it had, or by another:
    /// that one may have been closed where no hook saw it.
    fn shut_receive(&self, fd: Fd, cookie: u64) -> Result<(), Errno> {
        if self.shut_receive_by(fd, cookie)? {
            return Ok(());
        }
        self.ledger.number_of(cookie).map_or(Ok(()), |other| self.shut_receive_by(other, cookie).map(drop))
    }

    /// On a duplicate: the program may close the number at any time. False where it is
    /// not that socket.
    fn shut_receive_by(&self, fd: Fd, cookie: u64) -> Result<bool, Errno> {
        let copy = match self.private_copy(fd) {
            Err(Errno::BADF) => return Ok(false),
            copy => copy?,
        };
        let is_it = socket::cookie(copy) == Some(cookie);
        if is_it {
            let _ = socket::shut_receive(copy);
        }
        copy.close();
        // What a search for epoll sets has found it to be.
        self.ledger.ended(copy);
        Ok(is_it)
    }

    /// The limit may have been lowered since the numbers were chosen.
    fn private_copy(&self, fd: Fd) -> Result<Fd, Errno> {
        let number = || self.number_of(self.room() as usize);
        fd.duplicate_from(number()).or_else(|error| {
            self.measure();
            if error == Errno::BADF { Err(error) } else { fd.duplicate_from(number()) }
        })
    }
}

const RETRY_MS: u32 = 10;

#[cfg(test)]
mod tests {
    use super::*;

    fn fd(raw: i32) -> Fd {
        Fd::new(raw).unwrap()
    }

    #[test]
    fn a_grace_is_taken_once() {
        let shutdowns = DeferredShutdowns::new();
        assert!(shutdowns.add(fd(4), 77, Millis(100)));
        assert!(shutdowns.has(77) && !shutdowns.has(78));
        assert_eq!(shutdowns.take(|_, cookie| cookie == 77), Some((fd(4), 77)));
        assert_eq!(shutdowns.take(|_, cookie| cookie == 77), None);
        assert_eq!(shutdowns.count(), 0);
    }

    #[test]
    fn the_first_that_is_over_says_how_long_to_sleep() {
        let shutdowns = DeferredShutdowns::new();
        assert_eq!(shutdowns.time_left(Millis(0)), None);
        assert!(shutdowns.add(fd(4), 77, Millis(100)) && shutdowns.add(fd(5), 78, Millis(50)));
        assert_eq!(shutdowns.time_left(Millis(20)), Some(30));
        assert_eq!(shutdowns.time_left(Millis(60)), Some(0));
    }

    #[test]
    fn there_are_only_so_many() {
        let shutdowns = DeferredShutdowns::new();
        assert!((0..MOST as u64).all(|cookie| shutdowns.add(fd(4), cookie + 1, Millis(0))));
        assert!(!shutdowns.add(fd(4), 5000, Millis(0)));
        shutdowns.forget();
        assert!(shutdowns.add(fd(4), 5000, Millis(0)));
    }

    #[test]
    fn closers_and_the_drainer_never_share_one() {
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

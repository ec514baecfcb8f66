//! Drains that begin without a thread: those of a fork child that is about to end.
//!
//! A server that forks for each connection has children that close it and end, and
//! the end of a process waits for what is held anyway. A thread, an epoll set and a
//! table for that moment would cost more than the child's own work. So where the
//! children of a family do end with their connections ([`Family::is_brief`]), a
//! half-closed duplicate is kept here for a moment, and nothing else is made. The end
//! of the process takes it; if the process goes on instead, the next hook that it
//! enters gives it to the thread after all.
//!
//! A place belongs to whoever changes its cookie. Context: any hook; lock-free.
//!
//! [`Family::is_brief`]: crate::ledger::family::Family::is_brief

use super::{Drain, Reason, SMALL_TABLE};
use crate::bounds::End;
use crate::common::Ended;
use crate::ledger::Owner;
use crate::ledger::table::Role;
use crate::settings::Strategy;
use crate::sip::{Sip, sip};
use crate::strategy;
use crate::sys::clock::Millis;
use crate::sys::{Fd, socket};
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::SeqCst};

/// How long a process may take from the close to its end, milliseconds.
const MOMENT_MS: u32 = 20;
/// A child that holds more has something else to do.
const MOST: usize = 4;
const FREE: u64 = 0;
const BUSY: u64 = u64::MAX;
/// Where their numbers may begin: in the kernel's smallest table, or where a program of few
/// descriptors does not come to.
const NUMBERS: [i32; 2] = [SMALL_TABLE - MOST as i32, 1000];

struct Place {
    /// `SO_COOKIE`, [`FREE`] or [`BUSY`].
    cookie: AtomicU64,
    fd: AtomicI32,
    role: AtomicU32,
    begun: AtomicU32,
}

/// A drain that nobody attends to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unattended {
    /// The private duplicate, half-closed.
    pub fd: Fd,
    /// Its `SO_COOKIE`.
    pub cookie: u64,
    /// Which side opened it.
    pub role: Role,
    /// When it was half-closed.
    pub begun: Millis,
}

impl Unattended {
    /// How it said goodbye: nothing else is deferred.
    pub const STRATEGY: Strategy = Strategy::Drain;

    /// The program may have closed a number that it does not know.
    pub fn is_still_it(self) -> bool {
        socket::cookie(self.fd) == Some(self.cookie)
    }
}

/// All of one process.
pub struct Deferred {
    places: [Place; MOST],
    count: AtomicU32,
}

impl Deferred {
    /// None.
    pub const fn new() -> Self {
        Self { places: [const { Place::new() }; MOST], count: AtomicU32::new(0) }
    }

    /// How many there are.
    pub fn count(&self) -> u32 {
        self.count.load(SeqCst)
    }

    /// Whether there is any. Not ordered with anything: for who looks in passing.
    pub fn is_any(&self) -> bool {
        self.count.load(core::sync::atomic::Ordering::Relaxed) != 0
    }

    fn each(&self) -> impl Iterator<Item = (&Place, Unattended)> {
        self.places.iter().filter_map(|place| Some((place, place.get()?)))
    }

    fn add(&self, one: Unattended) -> bool {
        let free = |place: &&Place| place.cookie.compare_exchange(FREE, BUSY, SeqCst, SeqCst).is_ok();
        let Some(place) = self.places.iter().find(free) else { return false };
        self.count.fetch_add(1, SeqCst);
        place.set(one);
        true
    }

    /// Takes one, if there is any: of two takers one gets it.
    pub fn take(&self) -> Option<Unattended> {
        let (_, one) =
            self.each().find(|(place, one)| place.cookie.compare_exchange(one.cookie, FREE, SeqCst, SeqCst).is_ok())?;
        self.count.fetch_sub(1, SeqCst);
        Some(one)
    }

    /// Whether one has waited for too long.
    fn is_overdue(&self) -> bool {
        let now = Millis::now();
        self.each().any(|(_, one)| now.since(one.begun) > MOMENT_MS)
    }

    /// Whether `fd` is one of the private numbers.
    pub fn owns(&self, fd: Fd) -> bool {
        self.is_any() && self.each().any(|(_, one)| one.fd == fd && one.is_still_it())
    }

    /// The lowest private number that is `from` or more.
    pub fn next_number(&self, from: u32) -> Option<Fd> {
        let numbers = self.each().filter(|(_, one)| one.is_still_it()).map(|(_, one)| one.fd);
        numbers.filter(|fd| fd.raw() as u32 >= from).min()
    }
}

impl Place {
    const fn new() -> Self {
        Self { cookie: AtomicU64::new(FREE), fd: AtomicI32::new(-1), role: AtomicU32::new(0), begun: AtomicU32::new(0) }
    }

    fn get(&self) -> Option<Unattended> {
        let cookie = self.cookie.load(SeqCst);
        let role = if self.role.load(SeqCst) == 0 { Role::Accepted } else { Role::Connected };
        let fd = Fd::new(self.fd.load(SeqCst)).filter(|_| cookie != FREE && cookie != BUSY)?;
        Some(Unattended { fd, cookie, role, begun: Millis(self.begun.load(SeqCst)) })
    }

    fn set(&self, one: Unattended) {
        self.fd.store(one.fd.raw(), SeqCst);
        self.role.store(u32::from(one.role == Role::Connected), SeqCst);
        self.begun.store(one.begun.0, SeqCst);
        self.cookie.store(one.cookie, SeqCst);
    }
}

/// A private duplicate that is not yet half-closed.
#[must_use = "commit it after the program's own call, or abandon it"]
pub struct Waiting {
    drain: &'static Drain,
    one: Unattended,
}

impl Waiting {
    /// The program's own call has succeeded: parts from the peer.
    pub fn commit(self) {
        let Self { drain, one } = self;
        drain.common.counters.begun();
        strategy::of(Unattended::STRATEGY).part(one.fd);
        socket::stop_signals(one.fd);
        if !drain.deferred.add(one) {
            drain.let_go(one);
        }
    }

    /// The program's own call has failed.
    pub fn abandon(self) {
        self.one.fd.close();
    }
}

impl Drain {
    /// Whether a drain with this strategy may wait for the end of the process: the
    /// process is a fork child of one thread, of a family whose children end with
    /// their connections, and has not yet done anything else with us.
    pub fn may_defer(&self, owner: Owner<'_>, strategy: Strategy) -> bool {
        self.is_child()
            && strategy == Unattended::STRATEGY
            && self.common.settings.exit_timeout_ms != 0
            && self.gate.is_shut()
            && self.deferred.count() < MOST as u32
            && self.common.is_single_threaded()
            && !self.common.log.is_talkative()
            && owner.is_in_brief_family()
    }

    /// Takes a private duplicate of `fd`; `None` where no such number is free: then the
    /// program has many of its own, and ours would lie between them.
    pub fn wait_for_the_end(&'static self, owner: Owner<'_>, fd: Fd, cookie: u64, role: Role) -> Option<Waiting> {
        let fd = NUMBERS.into_iter().find_map(|low| fd.duplicate_near(low, MOST as i32))?;
        self.handed_over(owner);
        Some(Waiting { drain: self, one: Unattended { fd, cookie, role, begun: Millis::now() } })
    }

    /// The process goes on: gives what waits for its end to the thread.
    #[inline(never)]
    pub fn attend(&'static self, owner: Owner<'_>) {
        for one in self.unattended() {
            owner.note_brevity(false);
            if !one.is_still_it() || self.take_over(owner, one).is_err() {
                self.let_go(one);
            }
        }
    }

    /// As [`Drain::attend`], if the process has gone on for long enough.
    #[inline(never)]
    pub fn attend_overdue(&'static self, owner: Owner<'_>) {
        if self.deferred.is_overdue() {
            self.attend(owner);
        }
    }

    /// A close without a wait. What lies there unread would make it a reset.
    pub(super) fn let_go(&self, one: Unattended) {
        let fd = Some(one.fd).filter(|_| one.is_still_it());
        let (discarded, end) = match fd.map(sip) {
            Some(Sip::End(bytes, end)) => (bytes, end),
            Some(Sip::More(bytes)) => (bytes, End::Evicted),
            None => (0, End::Lost),
        };
        let Unattended { begun, .. } = one;
        self.common.ended(Ended { fd, note: None, strategy: Unattended::STRATEGY, end, discarded, begun });
        fd.into_iter().for_each(Fd::close);
    }

    fn take_over(&'static self, owner: Owner<'_>, one: Unattended) -> Result<(), Reason> {
        self.reserve_place(owner)?.take_over(one);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(cookie: u64) -> Unattended {
        Unattended { fd: Fd::new(1000).unwrap(), cookie, role: Role::Connected, begun: Millis(5) }
    }

    #[test]
    fn each_is_taken_once() {
        let deferred = Deferred::new();
        assert!(deferred.add(one(7)) && deferred.add(one(8)));
        assert_eq!((deferred.take(), deferred.count()), (Some(one(7)), 1));
        assert_eq!((deferred.take(), deferred.take()), (Some(one(8)), None));
        assert!(!deferred.is_any());
    }

    #[test]
    fn there_are_only_so_many() {
        let deferred = Deferred::new();
        assert!((1..=MOST as u64).all(|cookie| deferred.add(one(cookie))));
        assert!(!deferred.add(one(99)));
    }
}

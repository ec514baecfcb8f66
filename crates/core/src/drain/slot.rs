//! One held socket.
//!
//! Context: any hook, and the drainer's thread; lock-free. Fields that only the
//! drainer uses are atomics with relaxed order, so that the table can be shared as
//! plain references.

use super::callers::Calm;
use super::looks::Look;
use super::place::Place;
use crate::bounds::Progress;
use crate::settings::Strategy;
use crate::strategy::{self, CloseStrategy};
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::poller::Interest;
use crate::sys::socket::Phase;
use crate::sys::socket::Role;
use crate::zeroed;
use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

/// What a place is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Free = 0,
    Claimed = 1,
    Offered = 2,
    /// In the drainer's queues.
    Adopted = 3,
    /// The program's close waits; see [`super::lingering`].
    Lingering = 4,
}

zeroed! {
    /// Links of a place in one of the drainer's queues; see [`super::queue`].
    #[derive(Default)]
    pub struct Links {
        /// The place before, as a link.
        pub before: AtomicU16,
        /// The place after, as a link.
        pub after: AtomicU16,
    }
}

zeroed! {
    /// One held socket: 72 bytes.
    pub struct Slot {
        /// `SO_COOKIE`, by which the descriptor is known again.
        pub(super) cookie: AtomicU64,
        discarded: AtomicU64,
        /// The private descriptor; the complement of what it was, where there is none.
        fd: AtomicI32,
        pub(super) next: AtomicU32,
        /// See [`Calm`].
        written: AtomicU32,
        calm_since: AtomicU32,
        /// The first look that counts, of writers and of readers.
        writers_since: AtomicU32,
        readers_since: AtomicU32,
        /// The number that the program closed.
        number: AtomicI32,
        begun: AtomicU32,
        last: AtomicU32,
        flags: AtomicU16,
        pub(super) in_use: AtomicU8,
        strategy: AtomicU8,
        /// By the time of the last sign of the peer.
        pub by_activity: Links,
        /// By the time at which the drain began.
        pub by_age: Links,
        /// Among those that wait for something to be known.
        pub by_wait: Links,
        /// Among those with which a strategy is patient.
        pub by_patience: Links,
    }
}

const CONNECTED: u16 = 1;
const STILL_OPEN: u16 = 2;
const PATIENT: u16 = 4;
const NEVER_BLOCKS: u16 = 8;
const SETTLING: u16 = 16;
const WATCHED: u16 = 32;
const WAITS: u16 = 64;
const UNTAKEN: u16 = 128;
const NO_ROOM: u16 = 256;
const POSTPONED: u16 = 512;
const SEEN_ASLEEP: u16 = 1024;
const SEEN_ROOM: u16 = 2048;

impl Slot {
    /// The private descriptor.
    pub fn fd(&self) -> Option<Fd> {
        Fd::new(self.fd.load(SeqCst))
    }

    /// Whether the private descriptor still is that socket.
    pub fn verified(&self) -> Option<Fd> {
        self.fd().filter(|&fd| self.is_on(fd))
    }

    /// Whether `fd` is that socket.
    pub(super) fn is_on(&self, fd: Fd) -> bool {
        crate::sys::socket::cookie(fd) == Some(self.cookie.load(SeqCst))
    }

    /// What the private descriptor was, where there is none now.
    pub(super) fn former(&self) -> Option<Fd> {
        Fd::new(!self.fd.load(SeqCst)).filter(|fd| fd.raw() != 0)
    }

    /// What epoll says back for it: its place, and enough of the cookie to tell it
    /// from a later socket in the same place.
    pub fn ticket(&self, place: Place) -> u64 {
        self.cookie.load(SeqCst) << 32 | place.index() as u64
    }

    /// Which side opened it.
    pub fn role(&self) -> Role {
        if self.flags.load(Relaxed) & CONNECTED != 0 { Role::Connected } else { Role::Accepted }
    }

    /// How it says close_strategy.
    pub fn close_strategy(&self) -> &'static dyn CloseStrategy {
        let name = Strategy::from_index(u32::from(self.strategy.load(Relaxed)));
        strategy::of(name.unwrap_or(Strategy::Drain))
    }

    /// The drainer has it in its queues.
    pub fn set_adopted(&self) {
        self.in_use.store(Use::Adopted as u8, SeqCst);
    }

    /// Whether it does.
    pub fn is_adopted(&self) -> bool {
        self.in_use.load(SeqCst) == Use::Adopted as u8
    }

    /// The program's close waits, `until` then at most: the drain begins afterwards.
    pub(super) fn begin_lingering(&self, until: Millis) {
        self.set_progress(Progress::begin(until));
        self.in_use.store(Use::Lingering as u8, SeqCst);
    }

    /// Whether it does.
    pub(super) fn is_lingering(&self) -> bool {
        self.in_use.load(SeqCst) == Use::Lingering as u8
    }

    pub(super) fn lingers_until(&self) -> Millis {
        self.progress().begun
    }

    /// It does not any more, and the drain begins; false where that was so already.
    pub(super) fn end_lingering(&self, now: Millis) -> bool {
        let (before, after) = (Use::Lingering as u8, Use::Claimed as u8);
        let is_first = self.in_use.compare_exchange(before, after, SeqCst, SeqCst).is_ok();
        if is_first {
            self.set_progress(Progress::begin(now));
        }
        is_first
    }

    pub(super) fn is_offered(&self) -> bool {
        self.in_use.load(SeqCst) >= Use::Offered as u8
    }

    /// Whether it is still to part from the peer: a writer may be at it, or the strategy
    /// is patient.
    pub fn is_still_open(&self) -> bool {
        self.has(STILL_OPEN)
    }

    /// A thread may be in a write to it.
    pub fn expect_writer(&self) {
        self.set(SETTLING);
    }

    /// None is.
    pub fn expect_no_writer(&self) {
        self.put(SETTLING, false);
    }

    /// Whether one may.
    pub fn expects_writer(&self) -> bool {
        self.has(SETTLING)
    }

    /// No call on it waits (`O_NONBLOCK`).
    pub fn set_never_blocks(&self) {
        self.set(NEVER_BLOCKS);
    }

    /// Whether none does.
    pub fn never_blocks(&self) -> bool {
        self.has(NEVER_BLOCKS)
    }

    fn set(&self, flag: u16) {
        self.flags.fetch_or(flag, SeqCst);
    }

    fn has(&self, flag: u16) -> bool {
        self.flags.load(SeqCst) & flag != 0
    }

    /// Sets or clears it, and answers what it was.
    fn put(&self, flag: u16, on: bool) -> bool {
        let before = if on { self.flags.fetch_or(flag, SeqCst) } else { self.flags.fetch_and(!flag, SeqCst) };
        before & flag != 0
    }

    /// It is in the epoll set now; answers whether it was before.
    pub fn set_watched(&self) -> bool {
        self.put(WATCHED, true)
    }

    /// What of it is an event.
    pub fn interest(&self) -> Interest {
        let interest = self.close_strategy().interest();
        if self.has_no_room() { interest.or_room() } else { interest }
    }

    /// Whether its half-close waits for a writer, and for nothing else.
    pub fn is_being_left(&self) -> bool {
        self.is_still_open() && !self.is_postponed()
    }

    /// To part from the peer is left to the drainer.
    pub fn set_still_open(&self) {
        self.set(STILL_OPEN);
    }

    /// A thread of the program may be blocked in `recv`: what comes in is its own, as long
    /// as it takes it.
    pub fn expect_reader(&self) {
        self.set(PATIENT);
    }

    /// No thread is.
    pub fn expect_no_reader(&self) {
        self.put(PATIENT, false);
    }

    /// Whether one may be, so that what has come in is to be left alone for now.
    pub fn expects_reader(&self, fd: Fd) -> bool {
        self.has(PATIENT) && !is_at_its_end(fd)
    }

    /// Whether it is in the queue of those that wait for something to be known.
    pub fn waits(&self) -> bool {
        self.has(WAITS)
    }

    /// It is, or is not; answers what was true before.
    pub fn set_waits(&self, waits: bool) -> bool {
        self.put(WAITS, waits)
    }

    /// Whether it is in the queue of those with which a strategy is patient.
    pub fn is_postponed(&self) -> bool {
        self.has(POSTPONED)
    }

    /// It is, or is not; answers what was true before.
    pub fn set_postponed(&self, postponed: bool) -> bool {
        self.put(POSTPONED, postponed)
    }

    /// Whether something is queued that a reader may want: no event of input is of interest.
    pub fn is_untaken(&self) -> bool {
        self.has(UNTAKEN)
    }

    /// It is, or is not; answers what was true before.
    pub fn set_untaken(&self, untaken: bool) -> bool {
        self.put(UNTAKEN, untaken)
    }

    /// Whether a writer waits for room.
    pub fn has_no_room(&self) -> bool {
        self.has(NO_ROOM)
    }

    /// It does, or does not; answers what was true before.
    pub fn set_no_room(&self, no_room: bool) -> bool {
        self.put(NO_ROOM, no_room)
    }

    /// Parts from the peer.
    pub fn begin_close(&self, fd: Fd) {
        self.close_strategy().begin_close(fd);
        self.put(STILL_OPEN, false);
    }

    pub(super) fn calm(&self) -> (Calm, Look) {
        let calm = Calm { written: self.written.load(Relaxed), since: Millis(self.calm_since.load(Relaxed)) };
        (calm, self.writers_since.load(Relaxed))
    }

    pub(super) fn note_calm(&self, calm: Calm, since: Look) {
        self.written.store(calm.written, Relaxed);
        self.calm_since.store(calm.since.0, Relaxed);
        self.writers_since.store(since, Relaxed);
    }

    /// What was taken so far, as of the last change: while the drainer has it, `next` links
    /// nothing.
    pub(super) fn consumed(&self) -> u32 {
        self.next.load(SeqCst)
    }

    pub(super) fn note_consumed(&self, consumed: u32, since: Look) {
        self.next.store(consumed, SeqCst);
        self.readers_since.store(since, Relaxed);
        self.last.store(Millis::now().0, Relaxed);
    }

    pub(super) fn note_readers_since(&self, since: Look) {
        self.readers_since.store(since, Relaxed);
    }

    /// A thread was seen in such a call on its number, or was not; answers what was true
    /// before.
    pub(super) fn set_seen_asleep(&self, seen: bool) -> bool {
        self.put(SEEN_ASLEEP, seen)
    }

    /// There was room to write, or was not; answers what was true before.
    pub(super) fn set_seen_room(&self, seen: bool) -> bool {
        self.put(SEEN_ROOM, seen)
    }

    pub(super) fn readers_since(&self) -> Look {
        self.readers_since.load(Relaxed)
    }

    /// The number that the program closed.
    pub(super) fn number(&self) -> u64 {
        self.number.load(Relaxed) as u64
    }

    /// How far the drain has come.
    pub fn progress(&self) -> Progress {
        Progress {
            begun: Millis(self.begun.load(Relaxed)),
            last: Millis(self.last.load(Relaxed)),
            discarded: self.discarded.load(Relaxed),
        }
    }

    /// Stores it.
    pub fn set_progress(&self, progress: Progress) {
        self.begun.store(progress.begun.0, Relaxed);
        self.last.store(progress.last.0, Relaxed);
        self.discarded.store(progress.discarded, Relaxed);
    }

    /// The socket is the program's own again.
    pub fn forget(&self) {
        self.cookie.store(0, SeqCst);
    }

    /// Notes the private descriptor, once it exists.
    pub fn set_fd(&self, fd: Fd) {
        self.fd.store(fd.raw(), SeqCst);
    }

    /// There is none any more.
    pub fn unset_fd(&self) {
        let fd = self.fd.load(SeqCst);
        self.fd.store(fd.min(!fd), SeqCst);
    }

    /// Fills a claimed slot, before its descriptor exists.
    pub fn fill(&self, cookie: u64, number: Fd, role: Role, strategy: Strategy, begun: Millis) {
        self.cookie.store(cookie, SeqCst);
        self.number.store(number.raw(), Relaxed);
        self.strategy.store(strategy as u8, Relaxed);
        self.flags.store(if role == Role::Connected { CONNECTED } else { 0 }, SeqCst);
        self.set_progress(Progress::begin(begun));
    }
}

/// Whether nothing is queued and nothing can come any more, so that there is only
/// the end to be read. Where something can, it might come, and be the program's,
/// between a look at the queue and the discarding; so the queue is looked at last.
fn is_at_its_end(fd: Fd) -> bool {
    use crate::sys::socket::{tcp_info, unread};
    !tcp_info(fd).is_ok_and(|info| Phase::of(info.state) == Phase::Open) && unread(fd) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::region::Region;

    #[test]
    fn a_slot_is_small() {
        assert_eq!(size_of::<Slot>(), 72);
    }

    #[test]
    fn a_slot_remembers_its_role_and_strategy() {
        let region = Region::<Slot>::new();
        assert!(region.ensure(1));
        let (slot, fd) = (region.get(0).unwrap(), Fd::new(3).unwrap());
        for strategy in crate::settings::strategy::STRATEGIES {
            slot.fill(7, fd, Role::Connected, strategy, Millis(1));
            slot.set_still_open();
            slot.expect_reader();
            slot.expect_writer();
            assert_eq!((slot.role(), slot.close_strategy().name()), (Role::Connected, strategy));
        }
        slot.fill(7, fd, Role::Accepted, Strategy::Wait, Millis(1));
        assert_eq!((slot.role(), slot.is_still_open()), (Role::Accepted, false));
    }
}

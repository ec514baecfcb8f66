//! One held socket.
//!
//! Context: any hook, and the drainer's thread; lock-free. Fields that only the
//! drainer uses are atomics with relaxed order, so that the table can be shared as
//! plain references.

use super::place::Place;
use crate::bounds::Progress;
use crate::decision::Phase;
use crate::finish::Settling;
use crate::ledger::table::Role;
use crate::settings::Strategy;
use crate::strategy::{self, Goodbye};
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::region::Zeroed;
use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

/// What a place is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Free = 0,
    Claimed = 1,
    Offered = 2,
    /// In the drainer's queues.
    Adopted = 3,
}

/// Links of a place in one of the drainer's queues; see [`super::queue`].
#[derive(Default)]
pub struct Links {
    /// The place before, as a link.
    pub before: AtomicU16,
    /// The place after, as a link.
    pub after: AtomicU16,
}

/// One held socket: 48 bytes.
#[repr(C)]
pub struct Slot {
    /// `SO_COOKIE`, by which the descriptor is known again.
    pub(super) cookie: AtomicU64,
    discarded: AtomicU64,
    /// The private descriptor; the complement of what it was, where there is none.
    fd: AtomicI32,
    pub(super) next: AtomicU32,
    /// See [`Settling`].
    settling: AtomicU32,
    begun: AtomicU32,
    last: AtomicU32,
    flags: AtomicU16,
    pub(super) in_use: AtomicU8,
    strategy: AtomicU8,
    /// By the time of the last sign of the peer.
    pub by_activity: Links,
    /// By the time at which the drain began.
    pub by_age: Links,
}

// SAFETY: repr(C), atomics only; all zeroes is a free slot.
unsafe impl Zeroed for Slot {}

const CONNECTED: u16 = 1;
const STILL_OPEN: u16 = 2;
const PATIENT: u16 = 4;
const CAUTIOUS: u16 = 8;
const SETTLING: u16 = 16;
const WATCHED: u16 = 32;

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

    /// How it says goodbye.
    pub fn goodbye(&self) -> &'static dyn Goodbye {
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

    pub(super) fn is_offered(&self) -> bool {
        self.in_use.load(SeqCst) >= Use::Offered as u8
    }

    /// Whether it is still to part from the peer: a writer may be at it, or the strategy
    /// is patient.
    pub fn is_still_open(&self) -> bool {
        self.flags.load(SeqCst) & STILL_OPEN != 0
    }

    /// Whether a thread may be blocked in a write to it without anybody's knowing.
    pub fn is_cautious(&self) -> bool {
        self.flags.load(SeqCst) & CAUTIOUS != 0
    }

    /// A thread may be in a write to it; with `is_cautious`, nobody knows.
    pub fn expect_writer(&self, is_cautious: bool) {
        self.flags.fetch_or(if is_cautious { SETTLING | CAUTIOUS } else { SETTLING }, SeqCst);
    }

    /// Whether one may.
    pub fn expects_writer(&self) -> bool {
        self.flags.load(SeqCst) & SETTLING != 0
    }

    /// Whether the hook has put it into the epoll set.
    pub fn is_watched(&self) -> bool {
        self.flags.load(SeqCst) & WATCHED != 0
    }

    /// It is about to.
    pub fn set_watched(&self) {
        self.flags.fetch_or(WATCHED, SeqCst);
    }

    /// To part from the peer is left to the drainer.
    pub fn set_still_open(&self) {
        self.flags.fetch_or(STILL_OPEN, SeqCst);
    }

    /// A thread of the program may be blocked in `recv`: what comes in is its own
    /// as long as it takes it.
    pub fn set_patient(&self) {
        self.flags.fetch_or(PATIENT, SeqCst);
    }

    /// Whether to leave what has come in for a while: until nobody has taken any of
    /// it for 200 ms.
    pub fn is_patient(&self, fd: Fd) -> bool {
        const PATIENCE_MS: u32 = 200;
        if self.flags.load(SeqCst) & PATIENT == 0 || is_at_its_end(fd) {
            return false;
        }
        let now = Millis::now();
        let empty = crate::sys::socket::unread(fd) == 0;
        // While the drainer has it, `next` links nothing: what was taken so far, as
        // long as something is queued. So data after a pause is news.
        let consumed = crate::sys::socket::consumed(fd) as u32;
        let before = self.next.swap(if empty { u32::MAX } else { consumed }, SeqCst);
        if before != consumed && !(empty && before == u32::MAX) {
            self.last.store(now.0, Relaxed);
        }
        let waiting = now.since(Millis(self.last.load(Relaxed))) < PATIENCE_MS;
        if !waiting && !empty {
            self.flags.fetch_and(!PATIENT, SeqCst);
        }
        waiting
    }

    /// Parts from the peer if every writer is done by now; false where one may not be.
    pub fn settle(&self, fd: Fd) -> bool {
        let settled = !self.expects_writer() || self.is_settled(fd);
        if settled {
            self.goodbye().part(fd);
            self.flags.fetch_and(!STILL_OPEN, SeqCst);
        }
        settled
    }

    fn is_settled(&self, fd: Fd) -> bool {
        let mut settling = Settling::from_word(self.settling.load(Relaxed));
        let settled = settling.is_settled(fd, self.is_cautious());
        self.settling.store(settling.word(), Relaxed);
        settled
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
    pub fn fill(&self, cookie: u64, role: Role, strategy: Strategy, begun: Millis) {
        self.cookie.store(cookie, SeqCst);
        self.settling.store(0, Relaxed);
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
        assert_eq!(size_of::<Slot>(), 48);
    }

    #[test]
    fn a_slot_remembers_its_role_and_strategy() {
        let region = Region::<Slot>::new();
        assert!(region.ensure(1));
        let slot = region.get(0).unwrap();
        for strategy in crate::settings::strategy::STRATEGIES {
            slot.fill(7, Role::Connected, strategy, Millis(1));
            slot.set_still_open();
            slot.set_patient();
            slot.expect_writer(true);
            assert_eq!((slot.role(), slot.goodbye().name()), (Role::Connected, strategy));
        }
        slot.fill(7, Role::Accepted, Strategy::Wait, Millis(1));
        assert_eq!((slot.role(), slot.is_still_open()), (Role::Accepted, false));
    }
}

//! One held socket: a connection that the program has closed, and that lives on in a private
//! duplicate until its drain has ended.
//!
//! Context: any hook, and the drainer; async-signal-safe and lock-free. Fields that only the
//! drainer uses are atomics with relaxed order, so that hooks and drainer can share the table
//! as plain references.

use super::flags::{Flag, Flags};
use super::place::Place;
use crate::bounds::Progress;
use crate::drain::looker::look_number::LookNumber;
use crate::settings::Strategy;
use crate::strategy::{self, CloseStrategy};
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::poller::Interest;
use crate::sys::socket::{self, Phase, Role};
use crate::zeroed;
use core::sync::atomic::{AtomicI32, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};

/// What a place is used for at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    /// Nothing.
    Free = 0,
    /// A hook has the place, and has not offered it yet.
    Claimed = 1,
    /// The place is in the inbox.
    Offered = 2,
    /// The place is in the drainer's queues.
    Adopted = 3,
    /// The program's close waits, as `SO_LINGER{1,n}` asks.
    Lingering = 4,
}

zeroed! {
    /// The neighbours of a place in one of the drainer's queues, as short links.
    #[derive(Default)]
    pub struct Links {
        /// The place before.
        pub before: AtomicU16,
        /// The place after.
        pub after: AtomicU16,
    }
}

zeroed! {
    /// One held socket, in 72 bytes.
    pub struct HeldSocket {
        /// `SO_COOKIE`: tells whether the private number still is this socket.
        pub(super) cookie: AtomicU64,
        discarded: AtomicU64,
        /// The private number; where there is none, the complement of the former one.
        fd: AtomicI32,
        /// The link in the free list or the inbox; see also [`HeldSocket::consumed`].
        pub(super) next: AtomicU32,
        written: AtomicU32,
        unchanged_since: AtomicU32,
        writers_since: AtomicU32,
        readers_since: AtomicU32,
        closed_number: AtomicI32,
        begun: AtomicU32,
        last: AtomicU32,
        flags: Flags,
        pub(super) in_use: AtomicU8,
        strategy: AtomicU8,
        /// Links in the order of the peer's last sign of life.
        pub by_activity: Links,
        /// Links in the order in which the drains began.
        pub by_age: Links,
        /// Links among those of which the drainer has to learn whether a thread uses them.
        pub by_wait: Links,
        /// Links among those whose strategy postpones the begin of the close.
        pub by_postponement: Links,
    }
}

/// How much the program has written, and since when that has not changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The lower 32 bits of the number of bytes.
    pub bytes: u32,
    /// When the number last changed.
    pub unchanged_since: Millis,
}

/// What the socket is, and where.
impl HeldSocket {
    /// Fills a claimed place, before the private duplicate exists. The program closes
    /// `closed_number`; the drain begins at `begun`.
    pub fn fill(&self, cookie: u64, closed_number: Fd, role: Role, strategy: Strategy, begun: Millis) {
        self.cookie.store(cookie, SeqCst);
        self.closed_number.store(closed_number.raw(), Relaxed);
        self.strategy.store(strategy as u8, Relaxed);
        self.flags.reset(role == Role::Connected);
        self.set_progress(Progress::begin(begun));
    }

    /// From now on no number is this socket: the program keeps it.
    pub fn forget(&self) {
        self.cookie.store(0, SeqCst);
    }

    /// The private number, whatever is open there.
    pub fn fd(&self) -> Option<Fd> {
        Fd::new(self.fd.load(SeqCst))
    }

    /// Notes the private number, as soon as the duplicate exists.
    pub fn set_fd(&self, fd: Fd) {
        self.fd.store(fd.raw(), SeqCst);
    }

    /// Notes that there is no private number any more.
    pub fn unset_fd(&self) {
        let fd = self.fd.load(SeqCst);
        self.fd.store(fd.min(!fd), SeqCst);
    }

    /// The private number, if it still is this socket; takes a system call. The program may
    /// have closed the number, which it does not know, and opened something else there.
    pub fn verified(&self) -> Option<Fd> {
        self.fd().filter(|&fd| self.is_on(fd))
    }

    /// Whether `fd` is this socket; takes a system call.
    pub(super) fn is_on(&self, fd: Fd) -> bool {
        socket::cookie(fd) == Some(self.cookie.load(SeqCst))
    }

    /// The last private number of a place that has none now.
    pub(super) fn former_fd(&self) -> Option<Fd> {
        Fd::new(!self.fd.load(SeqCst)).filter(|fd| fd.raw() != 0)
    }

    /// The number that the program has closed.
    pub fn closed_number(&self) -> u64 {
        self.closed_number.load(Relaxed) as u64
    }

    /// What epoll reports for this socket: the place, and enough of the cookie to tell the
    /// socket from a later one in the same place.
    pub fn ticket(&self, place: Place) -> u64 {
        self.cookie.load(SeqCst) << 32 | place.index() as u64
    }

    /// Which side has opened the connection.
    pub fn role(&self) -> Role {
        if self.has(Flag::Connected) { Role::Connected } else { Role::Accepted }
    }

    /// The strategy by which the connection is closed.
    pub fn close_strategy(&self) -> &'static dyn CloseStrategy {
        let name = Strategy::from_index(u32::from(self.strategy.load(Relaxed)));
        strategy::of(name.unwrap_or(Strategy::Drain))
    }

    /// How far the drain has come.
    pub fn progress(&self) -> Progress {
        Progress {
            begun: Millis(self.begun.load(Relaxed)),
            last: Millis(self.last.load(Relaxed)),
            discarded: self.discarded.load(Relaxed),
        }
    }

    /// Stores how far the drain has come.
    pub fn set_progress(&self, progress: Progress) {
        self.begun.store(progress.begun.0, Relaxed);
        self.last.store(progress.last.0, Relaxed);
        self.discarded.store(progress.discarded, Relaxed);
    }
}

/// What is true of the socket.
impl HeldSocket {
    /// Whether the flag is set.
    pub fn has(&self, flag: Flag) -> bool {
        self.flags.has(flag)
    }

    /// Sets the flag, and answers whether it was set before.
    pub fn set(&self, flag: Flag) -> bool {
        self.flags.put(flag, true)
    }

    /// Clears the flag, and answers whether it was set before.
    pub fn clear(&self, flag: Flag) -> bool {
        self.flags.put(flag, false)
    }

    /// Begins the close, as the strategy does it.
    pub fn begin_close(&self, fd: Fd) {
        self.close_strategy().begin_close(fd);
        self.clear(Flag::BeginsLater);
    }

    /// Whether the begin of the close waits for writers, and for nothing else.
    pub fn waits_for_writers(&self) -> bool {
        self.has(Flag::BeginsLater) && !self.has(Flag::Postponed)
    }

    /// Whether a thread of the program may be inside a call on it, as far as has been found out: reading, or
    /// writing before the close has begun.
    pub fn may_be_in_use(&self) -> bool {
        self.has(Flag::ReaderExpected) || self.has(Flag::WriterExpected) && self.has(Flag::BeginsLater)
    }

    /// Whether a reader may want what has come in, so that it is not discarded for now.
    pub fn expects_reader(&self, fd: Fd) -> bool {
        self.has(Flag::ReaderExpected) && !is_at_its_end(fd)
    }

    /// What the drainer's epoll set is to report of the socket.
    pub fn interest(&self) -> Interest {
        let interest = self.close_strategy().interest();
        if self.has(Flag::WaitsForRoom) { interest.or_room() } else { interest }
    }

    /// Notes that the socket is in the drainer's queues.
    pub fn set_adopted(&self) {
        self.in_use.store(Use::Adopted as u8, SeqCst);
    }

    /// Whether the socket is in the drainer's queues.
    pub fn is_adopted(&self) -> bool {
        self.in_use.load(SeqCst) == Use::Adopted as u8
    }

    /// Whether a hook has handed the socket over, or waits before it does: it is offered,
    /// adopted or lingering.
    pub fn is_handed_over(&self) -> bool {
        self.in_use.load(SeqCst) >= Use::Offered as u8
    }

    /// Notes that the program's close waits, at most `until` then.
    pub(super) fn begin_lingering(&self, until: Millis) {
        self.set_progress(Progress::begin(until));
        self.in_use.store(Use::Lingering as u8, SeqCst);
    }

    /// Whether the program's close waits.
    pub fn is_lingering(&self) -> bool {
        self.in_use.load(SeqCst) == Use::Lingering as u8
    }

    /// When a close that waits is over at the latest.
    pub fn lingers_until(&self) -> Millis {
        self.progress().begun
    }

    /// The wait is over and the drain begins, at `now`. False where another thread has ended
    /// the wait already.
    pub(super) fn end_lingering(&self, now: Millis) -> bool {
        let (before, after) = (Use::Lingering as u8, Use::Claimed as u8);
        let is_first = self.in_use.compare_exchange(before, after, SeqCst, SeqCst).is_ok();
        if is_first {
            self.set_progress(Progress::begin(now));
        }
        is_first
    }
}

/// What tells whether threads of the program still use the socket.
impl HeldSocket {
    /// How much the program has written, and the first look that counts for writers.
    pub fn written(&self) -> (Written, LookNumber) {
        let bytes = self.written.load(Relaxed);
        let written = Written { bytes, unchanged_since: Millis(self.unchanged_since.load(Relaxed)) };
        (written, self.writers_since.load(Relaxed))
    }

    /// Stores how much the program has written; looks at writers count from `since` on.
    pub fn note_written(&self, written: Written, since: LookNumber) {
        self.written.store(written.bytes, Relaxed);
        self.unchanged_since.store(written.unchanged_since.0, Relaxed);
        self.writers_since.store(since, Relaxed);
    }

    /// The lower 32 bits of how much the program has read, as of the last change. Shares its
    /// field with `next`, which links nothing while the drainer has the place.
    pub fn consumed(&self) -> u32 {
        self.next.load(SeqCst)
    }

    /// Stores how much the program has read; looks at readers count from `since` on. A change
    /// is a sign of life, as of now.
    pub fn note_consumed(&self, consumed: u32, since: LookNumber) {
        self.next.store(consumed, SeqCst);
        self.note_readers_since(since);
        self.last.store(Millis::now().0, Relaxed);
    }

    /// The first look that counts for readers.
    pub fn readers_since(&self) -> LookNumber {
        self.readers_since.load(Relaxed)
    }

    /// Looks at readers count from `since` on.
    pub fn note_readers_since(&self, since: LookNumber) {
        self.readers_since.store(since, Relaxed);
    }
}

/// Whether nothing is queued and nothing can come any more, so that only the end is left to
/// read. The queue is looked at last: what comes between this look and the discarding could
/// be the program's, and once the state says that nothing can come, nothing does.
fn is_at_its_end(fd: Fd) -> bool {
    !socket::tcp_info(fd).is_ok_and(|info| Phase::of(info.state) == Phase::Open) && socket::unread(fd) == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::region::Region;

    #[test]
    fn a_held_socket_takes_72_bytes() {
        assert_eq!(size_of::<HeldSocket>(), 72);
    }

    #[test]
    fn role_and_strategy_are_remembered_whatever_flags_are_set() {
        let region = Region::<HeldSocket>::new();
        assert!(region.ensure(1));
        let (held, fd) = (region.get(0).unwrap(), Fd::new(3).unwrap());
        for strategy in crate::settings::strategy::STRATEGIES {
            held.fill(7, fd, Role::Connected, strategy, Millis(1));
            for flag in [Flag::BeginsLater, Flag::ReaderExpected, Flag::WriterExpected] {
                held.set(flag);
            }
            assert_eq!((held.role(), held.close_strategy().name()), (Role::Connected, strategy));
        }
        held.fill(7, fd, Role::Accepted, Strategy::Wait, Millis(1));
        assert_eq!((held.role(), held.has(Flag::BeginsLater)), (Role::Accepted, false));
    }
}

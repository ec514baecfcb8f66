//! Draining in place, on the program's own thread and descriptors.
//!
//! [`one`] is the inline engine's close, [`until_acknowledged`] that with
//! `SO_LINGER{1,n}`, [`All`] the end of the process.
//!
//! Context: any hook. It waits, within bounds: the only code that does.

use crate::bounds::{Bounds, End, Progress};
use crate::common::{Common, Ended};
use crate::ledger::table::Role;
use crate::log::note::Note;
use crate::settings::Strategy;
use crate::sip::{Sip, sip};
use crate::strategy::{self, Goodbye};
use crate::sys::clock::{Millis, timespec};
use crate::sys::poller::{BATCH, Interest, Poller};
use crate::sys::region::{Region, Sharing, Zeroed};
use crate::sys::{Fd, socket};
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::Relaxed};
use rustix::event::{PollFd, poll};
use rustix::io::Result;

/// Whether nobody is inside a write to a socket any more: there is room, little is
/// queued, and nothing was added for a few looks. What stays queued while there is
/// room has no writer behind it either, after many.
///
/// A thread that is blocked in `send` holds the description without a number of
/// its own. A half-close would break it; and as a FIN goes out behind what is
/// queued, it loses little by waiting until the writer is done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Settling(u32);

/// More than this is queued behind a write that may still be going on.
pub const LITTLE: u32 = 16 << 10;

impl Settling {
    const FEW: u32 = 4;
    const MANY: u32 = 40;
    /// The looks are in the bits from here on, beside what was seen.
    const SHIFT: u32 = 26;

    /// From a stored word; 0 is the beginning.
    pub fn from_word(word: u32) -> Self {
        Self(word)
    }

    /// The word to store.
    pub fn word(self) -> u32 {
        self.0
    }

    /// Looks once more. A few looks that are alike do only where nobody was blocked: a
    /// thread that was is woken as soon as there is room, and may be slow to run.
    pub fn is_settled(&mut self, fd: Fd, is_cautious: bool) -> bool {
        let looks = self.looks_alike(socket::written(fd));
        let few = !is_cautious && looks >= Self::FEW && socket::unacknowledged(fd) <= LITTLE;
        socket::is_writable(fd) && (looks >= Self::MANY || few)
    }

    /// How often in a row the same was seen. Between two looks nobody writes a multiple
    /// of 64 MiB, time after time.
    fn looks_alike(&mut self, written: u64) -> u32 {
        const SEEN: u32 = (1 << Settling::SHIFT) - 1;
        let written = written as u32 & SEEN;
        let looks =
            if self.0 & SEEN == written { (self.0 >> Self::SHIFT).saturating_add(1).min(Self::MANY) } else { 0 };
        self.0 = looks << Self::SHIFT | written;
        looks
    }
}

/// Waits up to `ms` milliseconds, or for a signal, until the peer has
/// acknowledged everything and our FIN: what `SO_LINGER{1,n}` asks for, while
/// discarding what comes in. Source: `inet_release`, `sk_stream_wait_close`.
#[inline(never)]
pub fn until_acknowledged(fd: Fd, ms: u32) -> u64 {
    const LOOK_MS: u32 = 10;
    let _ = socket::half_close(fd);
    let deadline = Millis::now().plus(ms);
    let mut total = 0;
    loop {
        let (bytes, ended) = match sip(fd) {
            Sip::End(bytes, _) => (bytes, true),
            Sip::More(bytes) => (bytes, false),
        };
        total += bytes;
        let left = deadline.since(Millis::now());
        // The kernel says nothing when an acknowledgement comes.
        if ended
            || left == 0
            || socket::unacknowledged(fd) == 0
            || wait(fd, Interest::INPUT, Some(left.min(LOOK_MS))).is_err()
        {
            return total;
        }
    }
}

/// Says goodbye on `fd` and waits for the end, within `bounds`; the strategy parts from
/// the peer after `patience_ms`. Answers how it ended, and how many bytes were discarded.
#[inline(never)]
pub fn one(fd: Fd, goodbye: &dyn Goodbye, bounds: Bounds, patience_ms: u32) -> (End, u64) {
    let mut progress = Progress::begin(Millis::now());
    let mut parts_in = Some(patience_ms);
    loop {
        if parts_in == Some(0) {
            goodbye.part(fd);
            parts_in = None;
        }
        match goodbye.look(fd) {
            Sip::End(bytes, end) => return (end, progress.discarded + bytes),
            Sip::More(bytes) => advance(&mut progress, bytes),
        }
        let now = Millis::now();
        if let Some(end) = bounds.exceeded(progress, now) {
            return (end, progress.discarded);
        }
        parts_in = parts_in.map(|_| patience_ms.saturating_sub(now.since(progress.begun)));
        let timeout = bounds.time_left(progress, now).into_iter().chain(parts_in).min();
        // An error (a signal) is a wake-up like any other: the bounds are looked at.
        let _ = wait(fd, goodbye.interest(), timeout);
    }
}

fn advance(progress: &mut Progress, bytes: u64) {
    if bytes != 0 {
        progress.last = Millis::now();
        progress.discarded += bytes;
    }
}

fn wait(fd: Fd, interest: Interest, timeout_ms: Option<u32>) -> Result<()> {
    let mut fds = [PollFd::new(&fd, interest.poll_flags())];
    poll(&mut fds, timeout_ms.map(timespec).as_ref()).map(drop)
}

/// Discards what was queued before the peer's FIN: nothing to wait for.
pub fn discard_queued(fd: Fd) -> u64 {
    let mut total = 0;
    loop {
        match sip(fd) {
            Sip::More(bytes) if bytes != 0 => total += bytes,
            Sip::More(bytes) | Sip::End(bytes, _) => return total + bytes,
        }
    }
}

#[repr(C)]
#[derive(Default)]
struct Open {
    fd: AtomicI32,
    /// A [`Strategy`], and [`STILL_OPEN`].
    strategy: AtomicU32,
    note: Note,
    discarded: AtomicU64,
}

/// The strategy is patient: it has not parted from the peer yet.
const STILL_OPEN: u32 = 1 << 8;

// SAFETY: repr(C), atomics only; zero is skipped by count.
unsafe impl Zeroed for Open {}

impl Open {
    fn goodbye(&self) -> &'static dyn Goodbye {
        let name = Strategy::from_index(self.strategy.load(Relaxed) & !STILL_OPEN);
        strategy::of(name.unwrap_or(Strategy::Drain))
    }

    fn is_still_open(&self) -> bool {
        self.strategy.load(Relaxed) & STILL_OPEN != 0
    }
}

/// The sockets that a process leaves open, finished all at the same time.
pub struct All<'a> {
    common: &'a Common,
    /// Most processes have one at most, which needs no memory.
    first: Open,
    others: Region<Open>,
    begun: Millis,
    count: usize,
    left: usize,
}

/// How long everything must have been acknowledged and silent before the end of
/// the process stops waiting for a peer that does not close, in milliseconds.
pub const QUIET_MS: u32 = 250;

impl<'a> All<'a> {
    /// Room for `most` sockets.
    pub fn with_room(most: usize, common: &'a Common) -> Self {
        let others = Region::new(Sharing::Private);
        if most > 1 {
            others.ensure(most - 1);
        }
        Self { common, first: Open::default(), others, begun: Millis::now(), count: 0, left: 0 }
    }

    /// Says goodbye on `fd` and takes it in.
    pub fn add(&mut self, fd: Fd, role: Role, name: Strategy) {
        let Some(place) = self.place(self.count) else { return };
        let goodbye = strategy::of(name);
        let is_patient = goodbye.patience_ms(self.common.settings) != 0;
        if self.common.log.is_talkative() {
            place.note.take(fd, role);
        }
        self.common.counters.begun();
        if !is_patient {
            goodbye.part(fd);
        }
        place.fd.store(fd.raw(), Relaxed);
        place.strategy.store(name as u32 | if is_patient { STILL_OPEN } else { 0 }, Relaxed);
        self.count += 1;
    }

    /// Waits for the ends of all of them until `deadline`.
    pub fn finish(&mut self, deadline: Millis) {
        self.left = self.count;
        self.turn_all(None);
        // Without a free number the sockets are looked at in turn.
        let poller = if self.left == 0 || self.single().is_some() { None } else { Poller::create_from(3, 3).ok() };
        self.watch_all(poller);
        while self.left != 0 && deadline.since(Millis::now()) != 0 {
            self.wait(poller, deadline);
        }
        if let Some(poller) = poller {
            poller.fd().close();
        }
        self.each_left(|fd, place| self.ended(fd, place, End::Exit, 0));
    }

    #[inline(never)]
    fn wait(&mut self, poller: Option<Poller>, deadline: Millis) {
        const TICK_MS: u32 = 50;
        let mut ready = [0; BATCH];
        let timeout = deadline.since(Millis::now()).min(TICK_MS);
        let found = match poller {
            Some(poller) => poller.wait(Some(timeout), &mut ready).unwrap_or(0),
            None => self.look_at_all(timeout),
        };
        for &index in ready.iter().take(found) {
            self.turn(poller, index as usize);
        }
        if found == 0 {
            self.leave_the_quiet();
        }
        self.part_late();
    }

    /// What a strategy was patient with until now.
    fn part_late(&self) {
        let age = Millis::now().since(self.begun);
        self.each_left(|fd, place| {
            if place.is_still_open() && age >= place.goodbye().patience_ms(self.common.settings) {
                place.strategy.fetch_and(!STILL_OPEN, Relaxed);
                place.goodbye().part(fd);
            }
        });
    }

    /// A single one is waited for; several without a set are looked at in turn.
    fn look_at_all(&mut self, timeout_ms: u32) -> usize {
        const REST_MS: u32 = 10;
        match self.single() {
            Some((fd, interest)) => _ = wait(fd, interest, Some(timeout_ms)),
            None => _ = rustix::thread::nanosleep(&timespec(REST_MS)),
        }
        self.turn_all(None);
        0
    }

    /// The only one that is left, if `poll` can wait for it: to whom reads, nothing is
    /// ready for ever.
    fn single(&self) -> Option<(Fd, Interest)> {
        let (fd, place) = (0..self.count).find_map(|index| self.at(index)).filter(|_| self.left == 1)?;
        place.goodbye().reads().then(|| (fd, place.goodbye().interest()))
    }

    fn watch_all(&self, poller: Option<Poller>) {
        let Some(poller) = poller else { return };
        for index in 0..self.count {
            if let Some((fd, place)) = self.at(index) {
                let _ = poller.add(fd, index as u64, place.goodbye().interest(), false);
            }
        }
    }

    fn turn_all(&mut self, poller: Option<Poller>) {
        for index in 0..self.count {
            self.turn(poller, index);
        }
    }

    fn turn(&mut self, poller: Option<Poller>, index: usize) {
        let Some((fd, place)) = self.at(index) else { return };
        let goodbye = place.goodbye();
        let look = goodbye.look(fd);
        if let Sip::More(bytes) = look {
            place.discarded.fetch_add(bytes, Relaxed);
        }
        match (look, poller) {
            (Sip::End(bytes, end), _) => self.end(index, end, bytes),
            (Sip::More(_), Some(poller)) => _ = poller.rearm(fd, index as u64, goodbye.interest()),
            (Sip::More(_), None) => {}
        }
    }

    fn leave_the_quiet(&mut self) {
        for index in 0..self.count {
            if self.at(index).is_some_and(|(fd, _)| is_quiet(fd)) {
                self.end(index, End::Acknowledged, 0);
            }
        }
    }

    fn end(&mut self, index: usize, end: End, last: u64) {
        if let Some((fd, place)) = self.at(index) {
            self.ended(fd, place, end, last);
            place.fd.store(-1, Relaxed);
            self.left -= 1;
        }
    }

    /// `last` bytes were discarded in the last look.
    fn ended(&self, fd: Fd, place: &Open, end: End, last: u64) {
        let discarded = place.discarded.load(Relaxed) + last;
        let (strategy, note) = (place.goodbye().name(), Some(&place.note));
        self.common.ended(Ended { fd: Some(fd), note, strategy, end, discarded, begun: self.begun });
    }

    fn each_left(&self, mut visit: impl FnMut(Fd, &Open)) {
        (0..self.count).filter_map(|index| self.at(index)).for_each(|(fd, place)| visit(fd, place));
    }

    fn place(&self, index: usize) -> Option<&Open> {
        match index.checked_sub(1) {
            None => Some(&self.first),
            Some(index) => self.others.get(index),
        }
    }

    fn at(&self, index: usize) -> Option<(Fd, &Open)> {
        let place = self.place(index)?;
        Some((Fd::new(place.fd.load(Relaxed))?, place))
    }
}

/// Whether the peer has acknowledged everything and is not sending: RFC 9112
/// section 9.6 allows to stop here. Closed later it would be more certain still,
/// but the end of a process is not to be held up by an idle keep-alive peer.
pub fn is_quiet(fd: Fd) -> bool {
    let Ok(info) = socket::tcp_info(fd) else { return true };
    socket::unacknowledged(fd) == 0 && socket::unread(fd) == 0 && info.last_data_recv >= QUIET_MS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_that_goes_on_is_seen() {
        let mut settling = Settling::default();
        assert_eq!(settling.looks_alike(5), 0);
        assert_eq!(settling.looks_alike(5), 1);
        assert_eq!(settling.looks_alike(6), 0);
        let looks = (0..100).map(|_| settling.looks_alike(6)).last();
        assert_eq!(looks, Some(Settling::MANY));
    }
}

//! Draining in place, on the program's own thread and descriptors.
//!
//! [`one`] is the inline engine's close, [`until_acknowledged`] that with
//! `SO_LINGER{1,n}`.
//!
//! Context: any hook. It waits, within bounds: the only code that does.

use crate::bounds::{Bounds, End, Progress};
use crate::sip::{Sip, sip};
use crate::strategy::Goodbye;
use crate::sys::clock::{Millis, timespec};
use crate::sys::poller::Interest;
use crate::sys::{Fd, socket};
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
/// acknowledged everything and our FIN: what `SO_LINGER{1,n}` asks for. Or until
/// something comes in, or is there: natively that is a reset, which nobody waits
/// for. Source: `inet_release`, `__tcp_close`, `sk_stream_wait_close`.
#[inline(never)]
pub fn until_acknowledged(fd: Fd, ms: u32) {
    const LOOK_MS: u32 = 10;
    let _ = socket::half_close(fd);
    let deadline = Millis::now().plus(ms);
    loop {
        let is_over = !matches!(sip(fd), Sip::More(0));
        let left = deadline.since(Millis::now());
        // The kernel says nothing when an acknowledgement comes.
        if is_over
            || left == 0
            || socket::unacknowledged(fd) == 0
            || wait(fd, Interest::INPUT, Some(left.min(LOOK_MS))).is_err()
        {
            return;
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

pub(crate) fn wait(fd: Fd, interest: Interest, timeout_ms: Option<u32>) -> Result<()> {
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

/// How long everything must have been acknowledged and silent before the end of
/// the process stops waiting for a peer that does not close, in milliseconds.
pub const QUIET_MS: u32 = 250;

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

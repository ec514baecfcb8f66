//! Draining in place, on the program's own thread and descriptors.
//!
//! [`one`] is the inline engine's close, [`until_acknowledged`] comes before it with
//! `SO_LINGER{1,n}`.
//!
//! Context: any hook. It waits, within bounds: the only code that does.

use crate::bounds::{Bounds, End, Progress};
use crate::discard::{Step, discard_some};
use crate::strategy::CloseStrategy;
use crate::sys::clock::{Millis, timespec};
use crate::sys::poller::Interest;
use crate::sys::{Fd, socket};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Result;

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
        let is_over = !matches!(discard_some(fd), Step::More(0));
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
pub fn one(fd: Fd, close_strategy: &dyn CloseStrategy, bounds: Bounds, patience_ms: u32) -> (End, u64) {
    let mut progress = Progress::begin(Millis::now());
    let mut begins_in = Some(patience_ms);
    loop {
        if begins_in == Some(0) {
            close_strategy.begin_close(fd);
            begins_in = None;
        }
        match close_strategy.step(fd) {
            Step::End(bytes, end) => return (end, progress.discarded + bytes),
            Step::More(bytes) => advance(&mut progress, bytes),
        }
        let now = Millis::now();
        if let Some(end) = bounds.exceeded(progress, now) {
            return (end, progress.discarded);
        }
        begins_in = begins_in.map(|_| patience_ms.saturating_sub(now.since(progress.begun)));
        let timeout = bounds.time_left(progress, now).into_iter().chain(begins_in).min();
        // An error (a signal) is a wake-up like any other: the bounds are looked at.
        let _ = wait(fd, close_strategy.interest(), timeout);
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
    poll(&mut fds, timeout_ms.map(timespec).as_ref())?;
    let seen = fds.iter().fold(PollFlags::empty(), |seen, fd| seen | fd.revents());
    if seen == PollFlags::ERR {
        rest_after_news(fd, timeout_ms);
    }
    Ok(())
}

/// `poll` reports an error for as long as there is news in the error queue, whatever it is
/// asked for; and one that stays must not be asked after without a pause.
#[inline(never)]
fn rest_after_news(fd: Fd, timeout_ms: Option<u32>) {
    const REST_MS: u32 = 10;
    if !socket::discard_news(fd) {
        let _ = rustix::thread::nanosleep(&timespec(timeout_ms.unwrap_or(REST_MS).min(REST_MS)));
    }
}

/// Discards what was queued before the peer's FIN: nothing to wait for.
pub fn discard_queued(fd: Fd) -> u64 {
    let mut total = 0;
    loop {
        match discard_some(fd) {
            Step::More(bytes) if bytes != 0 => total += bytes,
            Step::More(bytes) | Step::End(bytes, _) => return total + bytes,
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

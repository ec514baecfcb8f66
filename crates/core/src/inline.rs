//! Draining one connection on the calling thread: the inline engine.
//!
//! Context: any hook. It waits, within bounds.

use crate::bounds::{Bounds, End, Progress};
use crate::discard::{Step, discard_some};
use crate::events::wait;
use crate::strategy::CloseStrategy;
use crate::sys::clock::Millis;
use crate::sys::poller::Interest;
use crate::sys::{Fd, socket};

/// Half-closes, and waits until the peer has acknowledged everything and our FIN: what
/// `SO_LINGER{1,n}` asks for. It ends earlier with a signal, after `ms` milliseconds, or when
/// there is unread data: natively that causes a reset, for which no close waits.
/// Source: `inet_release`, `__tcp_close`, `sk_stream_wait_close`.
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

/// Closes `fd` by its strategy, `patience_ms` milliseconds from now, and waits for the end within
/// `bounds`. Answers how it ended, and how many bytes were discarded.
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
        // After an error (a signal) the bounds are looked at, as after any event.
        let _ = wait(fd, close_strategy.interest(), timeout);
    }
}

fn advance(progress: &mut Progress, bytes: u64) {
    if bytes != 0 {
        progress.last = Millis::now();
        progress.discarded += bytes;
    }
}

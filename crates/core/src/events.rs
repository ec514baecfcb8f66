//! Waiting for events of one connection (`poll(2)`).
//!
//! Context: the inline engine, and the end of a process.

use crate::sys::clock::timespec;
use crate::sys::poller::Interest;
use crate::sys::{Fd, socket};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Result;

/// Waits until there is an event of `interest`, for `timeout_ms` milliseconds at most.
///
/// # Errors
/// `EINTR`: a signal came. `ENOMEM`.
pub fn wait(fd: Fd, interest: Interest, timeout_ms: Option<u32>) -> Result<()> {
    if events(fd, interest, timeout_ms)? == PollFlags::ERR {
        rest_after_news(fd, timeout_ms);
    }
    Ok(())
}

/// Whether there is an event of `interest` within `timeout_ms` milliseconds, or a broken connection.
pub fn is_event(fd: Fd, interest: Interest, timeout_ms: u32) -> bool {
    // An error alone may be news in the error queue, which says nothing of the connection.
    events(fd, interest, Some(timeout_ms)).is_ok_and(|seen| !seen.is_empty() && seen != PollFlags::ERR)
}

/// The events of `interest` that there are within `timeout_ms` milliseconds.
fn events(fd: Fd, interest: Interest, timeout_ms: Option<u32>) -> Result<PollFlags> {
    let mut fds = [PollFd::new(&fd, interest.poll_flags())];
    poll(&mut fds, timeout_ms.map(timespec).as_ref())?;
    Ok(fds.iter().fold(PollFlags::empty(), |seen, fd| seen | fd.revents()))
}

/// `poll` reports an error as long as there is news in the error queue, whatever it is asked for.
/// News that cannot be discarded must not be asked for again without a pause.
#[inline(never)]
fn rest_after_news(fd: Fd, timeout_ms: Option<u32>) {
    const REST_MS: u32 = 10;
    if !socket::discard_news(fd) {
        let _ = rustix::thread::nanosleep(&timespec(timeout_ms.unwrap_or(REST_MS).min(REST_MS)));
    }
}

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
    let mut fds = [PollFd::new(&fd, interest.poll_flags())];
    poll(&mut fds, timeout_ms.map(timespec).as_ref())?;
    let seen = fds.iter().fold(PollFlags::empty(), |seen, fd| seen | fd.revents());
    if seen == PollFlags::ERR {
        rest_after_news(fd, timeout_ms);
    }
    Ok(())
}

/// Whether there is an event of `interest` within `timeout_ms` milliseconds, or a broken connection.
pub fn is_event(fd: Fd, interest: Interest, timeout_ms: u32) -> bool {
    let mut fds = [PollFd::new(&fd, interest.poll_flags())];
    let is_any = poll(&mut fds, Some(&timespec(timeout_ms))).is_ok_and(|count| count != 0);
    // An error alone may be news in the error queue, which says nothing of the connection.
    is_any && fds.iter().any(|fd| fd.revents() != PollFlags::ERR)
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

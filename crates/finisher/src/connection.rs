//! One connection that is being finished.

use super::kernel::{self, POLLERR, POLLIN, POLLRDHUP, PollFd, Received};
use super::task::{Mode, Task};

/// Most bytes that are discarded from one connection before the next one is looked at.
const BUDGET: u64 = 1 << 20;
/// Most bytes that are discarded by one system call.
const CHUNK: usize = 256 << 10;
/// A peer that does not close is left when it has acknowledged everything and has been silent for so
/// long.
const QUIET_MS: u32 = 250;

/// One connection. In its numbers 0 means that there is no limit, or no later half-close.
#[derive(Clone, Copy)]
pub struct Connection {
    fd: i32,
    mode: Mode,
    /// When it is to be half-closed.
    pub half_close_at: u64,
    /// If the owner still uses it: how long after the end of the owner it is to be half-closed.
    asleep_ms: u64,
    /// When the peer last sent something.
    last: u64,
    /// How long the peer may be silent.
    idle_ms: u64,
    /// How many bytes the peer may still send.
    bytes: u64,
}

impl Connection {
    /// The connection of a task. The owner still uses it if the task says so.
    pub fn of(task: Task, now: u64) -> Self {
        let Task { mode, fd, begin_ms, idle_ms, silent_ms, bytes, .. } = task;
        let bytes = if bytes == 0 { u64::MAX } else { bytes };
        let last = now.saturating_sub(silent_ms);
        Self { fd, mode, half_close_at: 0, asleep_ms: begin_ms, last, idle_ms, bytes }
    }

    /// The connection from the moment at which the owner uses it no more.
    pub fn awake(self, now: u64) -> Self {
        match self.asleep_ms {
            0 => self,
            ms => Self { half_close_at: now + ms, asleep_ms: 0, last: now, ..self },
        }
    }

    /// What to poll it for. A connection that is shut both ways is ready for ever: it is not polled.
    pub fn polled(self) -> PollFd {
        let (fd, events) = match self.mode {
            Mode::Discard => (self.fd, POLLIN | POLLRDHUP),
            Mode::Fin => (self.fd, POLLRDHUP),
            Mode::Acknowledged => (-1, 0),
        };
        let fd = if self.asleep_ms == 0 { fd } else { -1 };
        PollFd { fd, events, found: 0 }
    }

    /// Does what is to be done now. `seen` is what `poll` has found, and `is_still` says that it has
    /// found nothing anywhere. Answers how many bytes were discarded; `None` where the connection is
    /// over.
    pub fn step(&mut self, seen: i16, is_still: bool, now: u64) -> Option<u64> {
        if self.asleep_ms != 0 {
            return Some(0);
        }
        self.half_close(now);
        let bytes = self.look(seen, now)?;
        let is_over = self.is_silent(now) || (is_still && self.is_quiet());
        (!is_over).then_some(bytes)
    }

    /// Gives up the connection.
    pub fn close(&self) {
        kernel::close(self.fd);
    }

    fn half_close(&mut self, now: u64) {
        if self.half_close_at != 0 && now >= self.half_close_at {
            kernel::half_close(self.fd);
            self.half_close_at = 0;
        }
    }

    /// Discards what there is; `None` where the connection is over.
    fn look(&mut self, seen: i16, now: u64) -> Option<u64> {
        match self.mode {
            Mode::Discard if seen != 0 => self.discard(seen, now),
            Mode::Fin if seen != 0 => None,
            Mode::Acknowledged if !is_closing(self.fd) => None,
            Mode::Discard | Mode::Fin | Mode::Acknowledged => Some(0),
        }
    }

    fn discard(&mut self, seen: i16, now: u64) -> Option<u64> {
        let mut total = 0;
        while total < BUDGET {
            match kernel::discard(self.fd, CHUNK) {
                Received::Bytes(bytes) => total += bytes as u64,
                Received::End => return None,
                Received::Nothing => break,
            }
        }
        if total != 0 {
            self.last = now;
        } else if seen & POLLERR != 0 {
            kernel::discard_errors(self.fd);
        }
        self.bytes = self.bytes.checked_sub(total)?;
        Some(total)
    }

    fn is_silent(&self, now: u64) -> bool {
        self.idle_ms != 0 && now.saturating_sub(self.last) >= self.idle_ms
    }

    /// Whether everything is acknowledged and nothing comes (RFC 9112 section 9.6).
    fn is_quiet(&self) -> bool {
        let is_silent = kernel::info(self.fd).is_none_or(|info| info.silent_ms >= QUIET_MS);
        is_silent && self.half_close_at == 0 && kernel::unacknowledged(self.fd) == 0 && kernel::unread(self.fd) == 0
    }
}

/// Whether our FIN is on its way, or still to be sent: `TCP_ESTABLISHED`, `TCP_FIN_WAIT1`,
/// `TCP_CLOSE_WAIT`, `TCP_LAST_ACK`, `TCP_CLOSING`.
fn is_closing(fd: i32) -> bool {
    kernel::info(fd).is_some_and(|info| matches!(info.state, 1 | 4 | 8 | 9 | 11))
}

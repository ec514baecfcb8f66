//! How long one drain may take, how much it may discard, and how it can end.
//!
//! Context: pure arithmetic, on any thread.

use crate::settings::Settings;
use crate::sys::clock::Millis;
use crate::sys::socket::Role;

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer's FIN has come: the graceful end.
    Fin,
    /// The connection was reset, or it broke.
    Reset,
    /// The peer was silent for too long.
    Idle,
    /// The whole drain took too long.
    Timeout,
    /// The peer sent too much.
    Bytes,
    /// softclose gave the drain up: for a newer one, for a descriptor, thread or port that the program
    /// needed, or before a call such as `setuid`.
    Evicted,
    /// The peer has acknowledged everything that we sent, and the drain waited for no more than that:
    /// the process ends, or the strategy is `linger`.
    Acknowledged,
    /// The process ends, and the time that the settings allow for its end is over.
    Exit,
    /// The program has closed our descriptor, which it does not know.
    Lost,
    /// The strategy does not wait for anything.
    AtOnce,
    /// The process ends, and `softclose-drain` finishes the connection.
    HandedOver,
}

/// All ways to end and the words for them, in the order of the discriminants.
pub const ENDS: [(End, &str); 11] = [
    (End::Fin, "fin"),
    (End::Reset, "reset"),
    (End::Idle, "idle"),
    (End::Timeout, "timeout"),
    (End::Bytes, "bytes"),
    (End::Evicted, "evicted"),
    (End::Acknowledged, "acknowledged"),
    (End::Exit, "exit"),
    (End::Lost, "lost"),
    (End::AtOnce, "at-once"),
    (End::HandedOver, "handed-over"),
];

impl End {
    /// The word for the end in logs and counters.
    pub fn name(self) -> &'static str {
        ENDS.get(self as usize).map_or("", |(_, name)| name)
    }

    /// Whether it is an end as intended: not a limit, a reset or a loss.
    pub fn is_orderly(self) -> bool {
        matches!(self, Self::Fin | Self::Acknowledged | Self::AtOnce | Self::HandedOver)
    }

    /// Whether a limit has ended it, or softclose gave it up, while the peer was still there.
    pub fn is_limit(self) -> bool {
        matches!(self, Self::Idle | Self::Timeout | Self::Bytes | Self::Evicted)
    }
}

/// The result of one drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Bytes discarded.
    pub discarded: u64,
    /// Bytes that the peer had not acknowledged at the end.
    pub unacknowledged: u32,
    /// How long the drain took, in milliseconds.
    pub ms: u32,
}

/// The limits of one drain. 0 means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Milliseconds from the beginning to the end.
    pub timeout_ms: u32,
    /// Milliseconds of silence of the peer.
    pub idle_ms: u32,
    /// Bytes that are discarded.
    pub bytes: u64,
}

impl Bounds {
    /// The limits that the settings have for a connection with this role.
    pub fn of(settings: &Settings, role: Role) -> Self {
        let bytes = match role {
            Role::Accepted => settings.max_bytes,
            Role::Connected => settings.connected_max_bytes,
        };
        Self { timeout_ms: settings.timeout_ms, idle_ms: settings.idle_ms, bytes }
    }

    /// The same limits, with a total time of at most `ms` milliseconds.
    pub fn within(self, ms: u32) -> Self {
        let timeout_ms = if self.timeout_ms == 0 { ms } else { self.timeout_ms.min(ms) };
        Self { timeout_ms, ..self }
    }

    /// The same limits, without the one on silence.
    pub fn without_silence(self) -> Self {
        Self { idle_ms: 0, ..self }
    }

    /// How the drain must end now; `None` where it is within its limits.
    pub fn exceeded(self, progress: Progress, now: Millis) -> Option<End> {
        if self.bytes != 0 && progress.discarded > self.bytes {
            Some(End::Bytes)
        } else if over(self.timeout_ms, now.since(progress.begun)) {
            Some(End::Timeout)
        } else if over(self.idle_ms, now.since(progress.last)) {
            Some(End::Idle)
        } else {
            None
        }
    }

    /// Milliseconds until the next limit of time is reached; `None` where there is none.
    pub fn time_left(self, progress: Progress, now: Millis) -> Option<u32> {
        let total = left(self.timeout_ms, now.since(progress.begun));
        let idle = left(self.idle_ms, now.since(progress.last));
        total.into_iter().chain(idle).min()
    }
}

/// How far a drain has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// When it began.
    pub begun: Millis,
    /// When the last sign of the peer came.
    pub last: Millis,
    /// Bytes discarded so far.
    pub discarded: u64,
}

impl Progress {
    /// The progress of a drain that begins now.
    pub fn begin(now: Millis) -> Self {
        Self { begun: now, last: now, discarded: 0 }
    }
}

fn over(limit: u32, age: u32) -> bool {
    limit != 0 && age >= limit
}

fn left(limit: u32, age: u32) -> Option<u32> {
    (limit != 0).then(|| limit.saturating_sub(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { timeout_ms: 1000, idle_ms: 100, bytes: 10 };

    fn progress(begun: u32, last: u32, discarded: u64) -> Progress {
        Progress { begun: Millis(begun), last: Millis(last), discarded }
    }

    #[test]
    fn each_limit_ends_a_drain_by_its_own_name() {
        assert_eq!(BOUNDS.exceeded(progress(0, 0, 0), Millis(99)), None);
        assert_eq!(BOUNDS.exceeded(progress(0, 0, 0), Millis(100)), Some(End::Idle));
        assert_eq!(BOUNDS.exceeded(progress(0, 950, 0), Millis(1000)), Some(End::Timeout));
        assert_eq!(BOUNDS.exceeded(progress(0, 0, 10), Millis(1)), None);
        assert_eq!(BOUNDS.exceeded(progress(0, 0, 11), Millis(1)), Some(End::Bytes));
    }

    #[test]
    fn zero_is_no_limit() {
        let open = Bounds { timeout_ms: 0, idle_ms: 0, bytes: 0 };
        assert_eq!(open.exceeded(progress(0, 0, u64::MAX), Millis(1 << 30)), None);
        assert_eq!(open.time_left(progress(0, 0, 0), Millis(5)), None);
        assert_eq!(open.within(7).timeout_ms, 7);
    }

    #[test]
    fn the_nearest_limit_is_waited_for() {
        assert_eq!(BOUNDS.time_left(progress(0, 40, 0), Millis(50)), Some(90));
        assert_eq!(BOUNDS.time_left(progress(0, 960, 0), Millis(960)), Some(40));
    }

    #[test]
    fn every_end_has_its_name_at_its_place() {
        for (at, (end, name)) in ENDS.into_iter().enumerate() {
            assert_eq!(end as usize, at);
            assert_eq!(end.name(), name);
        }
    }
}

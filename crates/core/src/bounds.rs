//! How long and how much one drain may take.
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
    /// Its place was needed for a newer one.
    Evicted,
    /// Everything that we sent is acknowledged, and that was to be enough: the process
    /// ends, or the strategy lingers.
    Acknowledged,
    /// The process ends, and the exit bound is over.
    Exit,
    /// The program closed our descriptor, which it does not know.
    Lost,
    /// The strategy has nothing to wait for.
    AtOnce,
    /// The process ends; `softclose-drain` goes on.
    HandedOver,
}

/// All ways to end, in the order of their discriminants.
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
    /// The word for it in logs and counters.
    pub fn name(self) -> &'static str {
        ENDS.get(self as usize).map_or("", |(_, name)| name)
    }

    /// Whether it is an end that was hoped for.
    pub fn is_orderly(self) -> bool {
        matches!(self, Self::Fin | Self::Acknowledged | Self::AtOnce | Self::HandedOver)
    }
}

/// What became of one drain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// Bytes discarded.
    pub discarded: u64,
    /// Bytes that the peer had not acknowledged by then.
    pub unacknowledged: u32,
    /// Milliseconds that it took.
    pub ms: u32,
}

/// Limits of one drain; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Milliseconds in all.
    pub timeout_ms: u32,
    /// Milliseconds of silence.
    pub idle_ms: u32,
    /// Bytes discarded.
    pub bytes: u64,
}

impl Bounds {
    /// What the settings allow for a connection of this role.
    pub fn of(settings: &Settings, role: Role) -> Self {
        let bytes = match role {
            Role::Accepted => settings.max_bytes,
            Role::Connected => settings.connected_max_bytes,
        };
        Self { timeout_ms: settings.timeout_ms, idle_ms: settings.idle_ms, bytes }
    }

    /// With the total cut down to `ms`.
    pub fn within(self, ms: u32) -> Self {
        let timeout_ms = if self.timeout_ms == 0 { ms } else { self.timeout_ms.min(ms) };
        Self { timeout_ms, ..self }
    }

    /// Without the limit on silence.
    pub fn without_silence(self) -> Self {
        Self { idle_ms: 0, ..self }
    }

    /// Whether a drain must end now.
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

    /// Milliseconds until time alone ends the drain, if it ever does.
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
    /// When the peer was last heard of.
    pub last: Millis,
    /// Bytes discarded so far.
    pub discarded: u64,
}

impl Progress {
    /// A drain that begins.
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

//! The sockets of which a thread of the program may still make use, and when the drainer goes on with
//! them.

use crate::drain::looker::look_number::LookNumber;
use crate::drain::table::queue::Queue;
use crate::sys::clock::Millis;

/// How many sockets the drainer may check in a millisecond: looks and checks are at least as far
/// apart as that takes.
const CHECKS_PER_MS: u32 = 64;
/// A look that has not come back after so many milliseconds is not waited for.
const LOST_LOOK_MS: u32 = 1000;

/// The sockets that wait, and when the drainer goes on with them.
pub struct Waiting {
    pub(super) queue: Queue,
    /// How many there are.
    pub(super) count: u32,
    /// When a look is worth it for those of which a look may tell.
    pub(super) look_at: Option<Millis>,
    /// When the drainer has last asked for a look.
    pub(super) asked_at: Millis,
    /// The last look that was made use of.
    pub(super) used_look: LookNumber,
    /// When the queue is checked next for those of which time will tell.
    pub(super) check_at: Option<Millis>,
    /// No look is asked for before: to check the queue has taken a while.
    pub(super) no_look_before: Millis,
}

impl Waiting {
    pub(super) fn new() -> Self {
        Self {
            queue: Queue::new(|held| &held.by_wait),
            count: 0,
            look_at: None,
            asked_at: Millis::now(),
            used_look: 0,
            check_at: None,
            no_look_before: Millis::now(),
        }
    }

    /// How long it may take to check all that wait, in milliseconds.
    pub(super) fn check_ms(&self) -> u32 {
        self.count / CHECKS_PER_MS
    }

    /// All that wait were checked just now.
    pub(super) fn note_checked(&mut self) {
        self.no_look_before = Millis::now().plus(self.check_ms());
    }

    /// Whether the look that is out is not waited for any more.
    pub(super) fn is_look_lost(&self) -> bool {
        Millis::now().since(self.asked_at) >= LOST_LOOK_MS
    }
}

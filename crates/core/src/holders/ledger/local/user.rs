//! Whether a process still has the user with which its memory was shared.
//!
//! A worker that has given up root for good must not be able to move its master: what it
//! writes to the counts would. So it leaves the memory that they share, see
//! [`super::detach`]. A process that can come back, as its real or saved user says, has
//! lost nothing yet; and a process with a root user among the three rules over the others
//! anyway. Groups and capabilities are not looked at: root without them owns root's files,
//! and another user with them may have been given them on purpose.
//!
//! Context: the hooks of `setuid(2)` and its family.

use crate::sys::process;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// The users that a process had when it last shared memory, or none.
pub struct User {
    had: [AtomicU32; 3],
    changes: AtomicU32,
}

impl User {
    /// Root's, until it is said whose.
    pub const fn new() -> Self {
        Self { had: [const { AtomicU32::new(0) }; 3], changes: AtomicU32::new(0) }
    }

    /// From now on these are what it must not lose.
    pub fn set(&self, users: [u32; 3]) {
        self.had.iter().zip(users).for_each(|(had, user)| had.store(user, SeqCst));
    }

    /// A change begins: a child that is forked meanwhile may have lost them, too.
    pub fn may_change(&self) {
        self.changes.fetch_add(1, SeqCst);
    }

    /// It is over.
    pub fn has_changed(&self) {
        self.changes.fetch_sub(1, SeqCst);
    }

    /// In a fork child: whether its parent was about to change them.
    pub fn was_changing(&self) -> bool {
        self.changes.swap(0, SeqCst) != 0
    }

    /// The users of now, where one is gone for good.
    pub fn lost(&self) -> Option<[u32; 3]> {
        const NOBODY_KNOWS: [u32; 3] = [u32::MAX; 3];
        let now = process::users().unwrap_or(NOBODY_KNOWS);
        self.is_lost_with(now).then_some(now)
    }

    fn is_lost_with(&self, now: [u32; 3]) -> bool {
        const ROOT: u32 = 0;
        !now.contains(&ROOT) && self.had.iter().any(|had| !now.contains(&had.load(SeqCst)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loses(had: [u32; 3], now: [u32; 3]) -> bool {
        let user = User::new();
        user.set(had);
        user.is_lost_with(now)
    }

    #[test]
    fn root_that_is_gone_for_good_is_lost_and_one_that_can_come_back_is_not() {
        assert!(loses([0; 3], [9; 3]));
        assert!(!loses([0; 3], [0, 9, 0]));
        assert!(!loses([0; 3], [9, 9, 0]));
        assert!(!loses([0; 3], [0; 3]));
        // The memory was made while another user was put on.
        assert!(loses([0, 9, 0], [9; 3]));
        assert!(!loses([0, 9, 0], [0; 3]));
    }

    #[test]
    fn a_second_user_that_is_gone_is_lost_too() {
        assert!(loses([5, 7, 7], [5; 3]));
        assert!(!loses([5, 7, 7], [7, 5, 5]));
        assert!(!loses([5; 3], [5; 3]));
    }
}

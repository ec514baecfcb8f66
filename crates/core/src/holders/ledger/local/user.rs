//! Whether this process still has the user with which it shares its memory.
//!
//! A worker that has given up root for good must not be able to make its master act, and what it
//! writes to the counts could. So it leaves the memory that they share, see
//! `process/detach.rs`. A process that can come back, as its real or saved user id says, has lost
//! nothing yet. A process with root among its three user ids rules over the others anyway. Groups and
//! capabilities are not looked at: root without capabilities owns root's files, and another user may
//! have been given capabilities on purpose.
//!
//! Context: the hooks of `setuid(2)` and its family.

use crate::sys::process;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// The user ids (real, effective, saved) that the process had when it last shared memory.
pub struct User {
    had: [AtomicU32; 3],
    changes: AtomicU32,
}

impl User {
    /// Root's, until [`User::set`].
    pub const fn new() -> Self {
        Self { had: [const { AtomicU32::new(0) }; 3], changes: AtomicU32::new(0) }
    }

    /// From now on the process must not lose one of these.
    pub fn set(&self, users: [u32; 3]) {
        self.had.iter().zip(users).for_each(|(had, user)| had.store(user, SeqCst));
    }

    /// A change of user begins: a child that is forked meanwhile may have lost its user, too.
    pub fn may_change(&self) {
        self.changes.fetch_add(1, SeqCst);
    }

    /// That change is over.
    pub fn has_changed(&self) {
        self.changes.fetch_sub(1, SeqCst);
    }

    /// In a fork child: whether its parent was changing its user.
    pub fn was_changing(&self) -> bool {
        self.changes.swap(0, SeqCst) != 0
    }

    /// The user ids of now, if one that the process had is gone for good. Asks the kernel.
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
        // The memory was made while root acted as another user (`seteuid`).
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

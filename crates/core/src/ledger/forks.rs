//! When this process forked lately: a descriptor that one thread makes while another one
//! forks may be in the child, and the child is not older than the fork before.
//!
//! Context: hooks of any kind; lock-free.

use crate::sys::clock;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering::SeqCst};

const REMEMBERED: u32 = 16;
/// Whoever gets a descriptor then may hand it to a process of any age.
const ANY_TIME: u32 = 0;

/// The beginnings and ends of forks, numbered, and when the latest of them were.
pub struct Forks {
    count: AtomicU32,
    under_way: AtomicU32,
    at: [AtomicU32; REMEMBERED as usize],
    clock_moved: AtomicBool,
}

/// The forks of this process up to some moment; see [`super::Owner::opened`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u32);

impl Stamp {
    /// Before any fork.
    pub const FIRST: Self = Self(0);
}

impl Forks {
    /// None so far.
    pub const fn new() -> Self {
        Self {
            count: AtomicU32::new(0),
            under_way: AtomicU32::new(0),
            at: [const { AtomicU32::new(0) }; REMEMBERED as usize],
            clock_moved: AtomicBool::new(false),
        }
    }

    /// To be taken before a system call that makes a descriptor.
    pub fn stamp(&self) -> Stamp {
        Stamp(self.count.load(SeqCst))
    }

    /// A fork begins; answers when, in seconds after boot.
    pub fn begin(&self) -> u32 {
        self.under_way.fetch_add(1, SeqCst);
        self.note(self.now())
    }

    /// It has ended.
    pub fn end(&self) {
        self.note(self.now());
        self.under_way.fetch_sub(1, SeqCst);
    }

    /// Whether one has begun and not ended.
    pub fn is_any_under_way(&self) -> bool {
        self.under_way.load(SeqCst) != 0
    }

    /// In the child: nobody is forking.
    pub fn become_child(&self) {
        self.under_way.store(0, SeqCst);
    }

    /// A child is made that no hook follows: it may send what it has to another process,
    /// which need not be young.
    pub fn note_stranger(&self) -> u32 {
        self.note(ANY_TIME)
    }

    /// This process or its children see another time since boot than its family does.
    pub fn move_clock(&self) {
        self.clock_moved.store(true, SeqCst);
    }

    /// Whether times of the family mean something here.
    pub fn has_clock(&self) -> bool {
        !self.clock_moved.load(SeqCst)
    }

    fn now(&self) -> u32 {
        if self.has_clock() { clock::seconds_since_boot() } else { ANY_TIME }
    }

    fn note(&self, at: u32) -> u32 {
        let count = self.count.load(SeqCst);
        self.place(count).store(at, SeqCst);
        self.count.fetch_add(1, SeqCst);
        at
    }

    /// If a child may have what was made since: seconds after boot before which it was
    /// not made, 0 where that is not known.
    pub fn beside(&self, since: Stamp) -> Option<u32> {
        let now = self.count.load(SeqCst);
        if now == since.0 && !self.is_any_under_way() {
            return None;
        }
        let passed = now.wrapping_sub(since.0);
        if since.0 == 0 || passed >= REMEMBERED - 1 {
            return Some(ANY_TIME);
        }
        // The fork that was the latest before may still be under way.
        (0..=passed).map(|later| self.place(since.0.wrapping_sub(1).wrapping_add(later)).load(SeqCst)).min()
    }

    fn place(&self, number: u32) -> &AtomicU32 {
        let [first, ..] = &self.at;
        self.at.get((number % REMEMBERED) as usize).unwrap_or(first)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_made_while_nobody_forks_is_in_no_child() {
        let forks = Forks::new();
        forks.begin();
        forks.end();
        assert_eq!(forks.beside(forks.stamp()), None);
    }

    #[test]
    fn the_fork_before_says_how_old_a_child_may_be() {
        let forks = Forks::new();
        let first = forks.begin();
        let since = forks.stamp();
        forks.end();
        assert_eq!(forks.beside(since), Some(first));
        (0..REMEMBERED).for_each(|_| forks.end());
        assert_eq!(forks.beside(since), Some(0));
    }

    #[test]
    fn of_what_was_made_before_the_first_fork_nothing_is_known() {
        let forks = Forks::new();
        let since = forks.stamp();
        forks.begin();
        assert_eq!(forks.beside(since), Some(0));
    }

    #[test]
    fn what_is_made_beside_a_spawn_may_be_sent_to_a_process_of_any_age() {
        let forks = Forks::new();
        forks.begin();
        let since = forks.stamp();
        forks.end();
        forks.note_stranger();
        assert_eq!(forks.beside(since), Some(ANY_TIME));
    }

    #[test]
    fn with_another_clock_than_the_family_no_time_is_told() {
        let forks = Forks::new();
        forks.move_clock();
        assert_eq!(forks.begin(), ANY_TIME);
        let since = forks.stamp();
        assert_eq!(forks.beside(since), Some(ANY_TIME));
    }
}

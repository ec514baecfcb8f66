//! When this process forked lately: a descriptor that one thread makes while another one
//! forks may be in the child, and the child is not older than the fork before.
//!
//! Context: hooks of any kind; lock-free.

use crate::sys::clock;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

const REMEMBERED: u32 = 16;

/// The beginnings and ends of forks, numbered, and when the latest of them were.
pub struct Forks {
    count: AtomicU32,
    under_way: AtomicU32,
    at: [AtomicU32; REMEMBERED as usize],
}

/// The forks of this process up to some moment; see [`super::Owner::opened`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(u32);

impl Forks {
    /// None so far.
    pub const fn new() -> Self {
        Self {
            count: AtomicU32::new(0),
            under_way: AtomicU32::new(0),
            at: [const { AtomicU32::new(0) }; REMEMBERED as usize],
        }
    }

    /// To be taken before a system call that makes a descriptor.
    pub fn stamp(&self) -> Stamp {
        Stamp(self.count.load(SeqCst))
    }

    /// A fork begins; answers when, in seconds after boot.
    pub fn begin(&self) -> u32 {
        self.under_way.fetch_add(1, SeqCst);
        self.note()
    }

    /// It has ended.
    pub fn end(&self) {
        self.note();
        self.under_way.fetch_sub(1, SeqCst);
    }

    /// In the child: nobody is forking.
    pub fn become_child(&self) {
        self.under_way.store(0, SeqCst);
    }

    /// A child is made that no hook follows.
    pub fn note(&self) -> u32 {
        let now = clock::seconds_since_boot();
        let count = self.count.load(SeqCst);
        self.place(count).store(now, SeqCst);
        self.count.fetch_add(1, SeqCst);
        now
    }

    /// If a child may have what was made since: seconds after boot before which it was
    /// not made, 0 where that is not known.
    pub fn beside(&self, since: Stamp) -> Option<u32> {
        let now = self.count.load(SeqCst);
        if now == since.0 && self.under_way.load(SeqCst) == 0 {
            return None;
        }
        // The fork that was the latest before may still be under way.
        let is_remembered = since.0 != 0 && now.wrapping_sub(since.0) < REMEMBERED - 1;
        Some(if is_remembered { self.place(since.0.wrapping_sub(1)).load(SeqCst) } else { 0 })
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
        (0..REMEMBERED).for_each(|_| _ = forks.note());
        assert_eq!(forks.beside(since), Some(0));
    }

    #[test]
    fn of_what_was_made_before_the_first_fork_nothing_is_known() {
        let forks = Forks::new();
        let since = forks.stamp();
        forks.begin();
        assert_eq!(forks.beside(since), Some(0));
    }
}

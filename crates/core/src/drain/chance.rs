//! Whether a close may try to drain in place, which takes a moment, before a thread is started
//! (`engine/moment.rs`).
//!
//! A try that was in vain has cost a millisecond. So the next one comes after many forks, and after
//! twice as many each time; a try that was not in vain begins anew.
//!
//! Context: hooks of any kind; lock-free.

use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// Whether the next close may try, and after how many forks one may.
pub struct Chance {
    /// [`NONE`], [`ONE`], or one more than the number of forks to come before the next try.
    state: AtomicU32,
    /// How many forks the next try in vain will cost.
    penalty: AtomicU32,
}

/// Not before the next fork.
const NONE: u32 = 0;
/// The next close may.
const ONE: u32 = 1;
/// After the first try in vain so many forks pass without one.
const FIRST_PENALTY: u32 = 64;
const MOST_PENALTY: u32 = 1 << 16;

impl Chance {
    /// A process that has not forked has none.
    pub const fn new() -> Self {
        Self { state: AtomicU32::new(NONE), penalty: AtomicU32::new(FIRST_PENALTY) }
    }

    /// After a fork, in the child: its first close may try.
    pub fn begin(&self) {
        self.state.store(ONE, SeqCst);
    }

    /// After a fork, in the parent: one close may try, unless that was tried in vain not long ago.
    pub fn give(&self) {
        let given = |state| match state {
            NONE => Some(ONE),
            ONE => None,
            later => Some(later - 1),
        };
        let _ = self.state.fetch_update(SeqCst, SeqCst, given);
    }

    /// Whether this close may try. Of several closes one is answered true.
    pub fn take(&self) -> bool {
        self.state.compare_exchange(ONE, NONE, SeqCst, SeqCst).is_ok()
    }

    /// It was not tried in vain.
    pub fn win(&self) {
        if self.penalty.load(SeqCst) != FIRST_PENALTY {
            self.penalty.store(FIRST_PENALTY, SeqCst);
        }
    }

    /// It was tried in vain.
    pub fn lose(&self) {
        let penalty = self.penalty.load(SeqCst);
        self.penalty.store((2 * penalty).min(MOST_PENALTY), SeqCst);
        self.state.store(ONE + penalty, SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forks_until_a_try(chance: &Chance) -> u32 {
        (1..)
            .find(|_| {
                chance.give();
                chance.take()
            })
            .unwrap()
    }

    /// One peer that was slow had cost a server of many forks all further tries.
    #[test]
    fn after_a_try_in_vain_the_next_comes_later_and_later_until_one_is_not() {
        let chance = Chance::new();
        assert!(!chance.take());
        assert_eq!(forks_until_a_try(&chance), 1);
        chance.lose();
        assert_eq!(forks_until_a_try(&chance), FIRST_PENALTY);
        chance.lose();
        assert_eq!(forks_until_a_try(&chance), 2 * FIRST_PENALTY);
        chance.win();
        assert_eq!(forks_until_a_try(&chance), 1);
        chance.lose();
        assert_eq!(forks_until_a_try(&chance), FIRST_PENALTY);
    }
}

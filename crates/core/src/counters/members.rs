//! The members of a page: the processes of a family that count into it. The last one removes the
//! stats file.
//!
//! Context: hooks of `fork`, `exec` and the end of a process; async-signal-safe.

use super::names::COUNT;
use super::{Counters, NOT_ASKED, REFUSED, stats_file};
use core::sync::atomic::Ordering::SeqCst;

/// Joining and leaving.
impl Counters {
    /// To be called before a fork: the child will be a member.
    pub fn before_fork(&self) {
        self.rejoin();
        if let Some(page) = self.page.get() {
            page.members.fetch_add(1, SeqCst);
        }
    }

    /// To be called where the fork has failed.
    pub fn not_forked(&self) {
        if let Some(page) = self.page.get() {
            page.members.fetch_sub(1, SeqCst);
        }
    }

    /// To be called in a fork child. The page stays that of the family; what was counted in memory of
    /// our own belongs to the parent, and is cleared.
    pub fn become_child(&self) {
        self.held.store(0, SeqCst);
        self.cell.store(0, SeqCst);
        self.is_away.store(false, SeqCst);
        for at in 0..COUNT {
            self.own.take(at);
        }
        // Another thread of the parent may have been making the file. What was refused to the parent is not asked
        // for by each of its children.
        if self.page.get().is_none() && self.publishing.load(SeqCst) != REFUSED {
            self.publishing.store(NOT_ASKED, SeqCst);
        }
    }

    /// To be called before this process executes another program. Where the call fails all the same,
    /// the process becomes a member again at its next fork or at its end.
    pub fn leave_for_another_program(&self, will_succeed: impl Fn() -> bool) {
        if self.leave() && will_succeed() {
            stats_file::remove(&self.identity, &self.file);
        }
    }

    /// Stops being a member, and answers whether no member is left.
    fn leave(&self) -> bool {
        let Some(page) = self.page.get() else { return false };
        if self.is_away.swap(true, SeqCst) {
            return false;
        }
        self.absorb();
        page.members.fetch_sub(1, SeqCst) == 1
    }

    /// To be called at the end of the process. The last member removes the stats file.
    pub fn retire(&self) {
        self.rejoin();
        let is_last = self.leave();
        let Some(page) = self.page.get() else { return };
        if let Some(cell) = self.cell.swap(0, SeqCst).checked_sub(1).and_then(|at| page.cells.get(at as usize)) {
            cell.store(0, SeqCst);
        }
        if is_last {
            stats_file::remove(&self.identity, &self.file);
        }
    }

    /// Becomes a member again, where the process has left for another program and is still here.
    fn rejoin(&self) {
        if self.is_away.swap(false, SeqCst)
            && let Some(page) = self.page.get()
        {
            page.members.fetch_add(1, SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::stats_file::Identity;
    use super::*;

    /// Where the directory was full, each child of a server that forks for each connection looked through it.
    #[test]
    fn what_was_refused_to_the_parent_is_not_asked_for_again() {
        let refused = Identity { is_published: false, program: Vec::new(), settings: None, directory: None };
        let counters = Counters::new(refused);
        counters.become_child();
        assert_eq!(counters.publishing.load(SeqCst), NOT_ASKED);
        counters.publish();
        counters.become_child();
        assert_eq!(counters.publishing.load(SeqCst), REFUSED);
    }
}

//! Children that no hook saw.
//!
//! A program may fork by a raw instruction. Such a child holds every descriptor
//! and is in no count, but it is a child: `waitid` says in one call whether
//! there is any. If there is, and no child that a hook saw explains it, the
//! counts are not to be trusted.
//!
//! Context: hooks of any kind; lock-free.

use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

const REMEMBERED: usize = 16;

/// How many of them are asked, at a birth, whether they are gone.
const LOOKS: usize = 4;

/// How many of those for whom there was no place.
const LATEST: usize = 4;

/// The children that hooks saw being made: a few by pid, and rather those that are
/// still there than the latest. A server has its first children for as long as it
/// lives, and one more for each connection.
pub struct Children {
    pids: [AtomicI32; REMEMBERED],
    next: AtomicU32,
    /// The latest for whom no place was free: the new children of a server that has its
    /// old ones end when those are there.
    latest: [AtomicI32; LATEST],
    /// A child was made whose pid we never learn: `vfork`, `popen`.
    has_one_without_pid: AtomicBool,
}

impl Children {
    /// No children.
    pub const fn new() -> Self {
        Self {
            pids: [const { AtomicI32::new(0) }; REMEMBERED],
            next: AtomicU32::new(0),
            latest: [const { AtomicI32::new(0) }; LATEST],
            has_one_without_pid: AtomicBool::new(false),
        }
    }

    /// A hook saw this child being made.
    pub fn add(&self, child: Pid) {
        let oldest = self.next.fetch_add(1, SeqCst) as usize;
        let mut places = (0..LOOKS).filter_map(|later| self.pids.get(oldest.wrapping_add(later) % REMEMBERED));
        let is_gone = |pid| !any_child(WaitId::Pid(pid));
        let is_free = |place: &&AtomicI32| Pid::from_raw(place.load(SeqCst)).is_none_or(is_gone);
        if let Some(place) = places.find(is_free).or_else(|| self.latest.get(oldest % LATEST)) {
            place.store(child.as_raw_nonzero().get(), SeqCst);
        }
    }

    /// A hook saw a child being made, but not its pid.
    pub fn add_without_pid(&self) {
        self.has_one_without_pid.store(true, SeqCst);
    }

    /// In a fork child: it has no children yet.
    pub fn forget(&self) {
        self.places().for_each(|place| place.store(0, SeqCst));
        self.has_one_without_pid.store(false, SeqCst);
    }

    /// Whether there is a child that nothing we saw explains.
    pub fn has_untracked(&self) -> bool {
        // The known ones first: a question for all looks at the children of every thread.
        if self.knows_one() {
            return false;
        }
        if self.is_childless() {
            // The has_one_without_pid one has gone too: it explains nothing from now on.
            self.has_one_without_pid.store(false, SeqCst);
            return false;
        }
        !self.has_one_without_pid.load(SeqCst)
    }

    /// Whether there is no child at all, running or unreaped.
    pub fn is_childless(&self) -> bool {
        !any_child(WaitId::All)
    }

    /// Nobody asks twice for one that has gone.
    fn knows_one(&self) -> bool {
        self.places().any(|place| {
            let pid = place.load(SeqCst);
            let is_there = Pid::from_raw(pid).is_some_and(|pid| any_child(WaitId::Pid(pid)));
            if pid != 0 && !is_there {
                let _ = place.compare_exchange(pid, 0, SeqCst, SeqCst);
            }
            is_there
        })
    }

    fn places(&self) -> impl Iterator<Item = &AtomicI32> {
        self.pids.iter().chain(&self.latest)
    }
}

/// Whether a child exists, running or unreaped. Any error but `ECHILD` counts
/// as yes.
fn any_child(which: WaitId<'_>) -> bool {
    // __WALL: also children whose end raises another signal than SIGCHLD.
    const WALL: WaitIdOptions = WaitIdOptions::from_bits_retain(0x4000_0000);
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT | WALL;
    !matches!(waitid(which, peek), Err(Errno::CHILD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    /// PostgreSQL: its background workers were forgotten after sixteen connections,
    /// and taken for children that no hook saw.
    #[test]
    #[cfg_attr(miri, ignore = "processes")]
    fn a_child_that_lasts_is_not_forgotten_for_those_that_came_and_went() {
        let children = Children::new();
        let mut first = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        children.add(pid(first.id()));
        for _ in 0..2 * REMEMBERED {
            let mut later = Command::new("true").spawn().unwrap();
            children.add(pid(later.id()));
            later.wait().unwrap();
        }
        assert!(children.knows_one());
        drop(first.stdin.take());
        first.wait().unwrap();
        assert!(!children.knows_one());
    }

    #[test]
    #[cfg_attr(miri, ignore = "processes")]
    fn children_born_beside_many_old_ones_are_known_when_those_have_ended() {
        let children = Children::new();
        let start = || {
            let child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
            children.add(pid(child.id()));
            child
        };
        let end = |mut child: Child| {
            drop(child.stdin.take());
            child.wait().unwrap();
        };
        let old: Vec<_> = (0..REMEMBERED).map(|_| start()).collect();
        let new: Vec<_> = (0..REMEMBERED).map(|_| start()).collect();
        old.into_iter().for_each(end);
        assert!(children.knows_one());
        new.into_iter().for_each(end);
        assert!(!children.knows_one());
    }

    fn pid(number: u32) -> Pid {
        Pid::from_raw(number as i32).unwrap()
    }
}

//! The children of this process, and whether there is one that no hook saw being made: an
//! untracked child.
//!
//! A program may fork by a raw system call. Such a child holds every descriptor, and no count
//! covers it. But it is a child: `waitid(2)` says in one call whether there is any. If there is one,
//! and no child that a hook saw explains it, the counts are not to be trusted.
//!
//! Context: hooks of any kind; lock-free. Each question is one system call.

use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

const REMEMBERED: usize = 16;

/// How many remembered children are asked, when a child is added, whether they have ended.
const LOOKS: usize = 4;

/// How many children are remembered for which no place was free.
const LATEST: usize = 4;

/// The children that hooks saw being made: a few of them, by pid. Those that are still there are
/// remembered rather than the latest ones: a server has its first children for as long as it runs,
/// and one more for each connection.
pub struct Children {
    pids: [AtomicI32; REMEMBERED],
    next: AtomicU32,
    /// The latest children for which no place was free. A server that lets its old children end when
    /// its new ones are there has its new children here.
    latest: [AtomicI32; LATEST],
    /// A child was made whose pid no hook learns (`vfork`, `popen`).
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

    /// In a fork child, which has no children yet.
    pub fn forget(&self) {
        self.places().for_each(|place| place.store(0, SeqCst));
        self.has_one_without_pid.store(false, SeqCst);
    }

    /// Whether there is an untracked child: one that no child which hooks saw explains.
    pub fn has_untracked(&self) -> bool {
        // Children with a known pid come first: a question for any child makes the kernel go
        // through the children of every thread.
        if self.knows_one() {
            return false;
        }
        if self.is_childless() {
            // The child without a pid has ended too: it explains nothing from now on.
            self.has_one_without_pid.store(false, SeqCst);
            return false;
        }
        !self.has_one_without_pid.load(SeqCst)
    }

    /// Whether there is no child at all, neither running nor waiting to be reaped.
    pub fn is_childless(&self) -> bool {
        !any_child(WaitId::All)
    }

    /// Whether a remembered child is still there. One that has ended is forgotten, and not asked again.
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

/// Whether such a child exists, running or waiting to be reaped. Any error but `ECHILD` counts as
/// yes.
fn any_child(which: WaitId<'_>) -> bool {
    // __WALL: also a child whose end raises another signal than SIGCHLD.
    const WALL: WaitIdOptions = WaitIdOptions::from_bits_retain(0x4000_0000);
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT | WALL;
    !matches!(waitid(which, peek), Err(Errno::CHILD))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Child, Command, Stdio};

    /// In PostgreSQL the background workers were forgotten after sixteen connections, and then
    /// taken for untracked children.
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
    fn children_made_beside_many_old_ones_are_known_when_those_have_ended() {
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

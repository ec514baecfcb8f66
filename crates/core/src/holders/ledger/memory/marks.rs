//! What is known about a connection that its counts cannot express.
//!
//! A mark says that something happened which the counts do not cover. It stays until the slot
//! belongs to another connection; [`Marks::LEAKED`] alone can be taken away, after a look at all
//! processes that has found nobody.
//!
//! Context: hooks of any kind, in shared memory; lock-free.

use crate::sync::{AtomicU32, SeqCst};
use crate::zeroed;

/// A set of marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Marks(u32);

impl Marks {
    /// No mark.
    pub const NONE: Self = Self(0);
    /// The connection was sent through `SCM_RIGHTS`: it may be in a message, which no process holds.
    pub const PASSED: Self = Self(1);
    /// The connection was open while a process was made that runs this program and that the counts
    /// do not cover.
    pub const LEAKED: Self = Self(2);
    /// More processes hold the connection than a slot has cells.
    pub const CROWDED: Self = Self(4);
    /// The connection came from outside of the lineage, where other processes may have it still.
    pub const FOREIGN: Self = Self(8);
    /// The connection came from outside of the lineage in a message, or was taken from another
    /// process (`pidfd_getfd`).
    pub const FOREIGN_PASSED: Self = Self(Self::FOREIGN.0 | Self::PASSED.0);
    /// Another program was executed with the connection, and no count followed it. That program may
    /// have handed it on, to a process of any age and any user, and have ended.
    pub const HANDED_ON: Self = Self(16);
    /// The connection came from a lineage whose counts are lost, and which had handed it on.
    pub const FOREIGN_HANDED_ON: Self = Self(Self::FOREIGN.0 | Self::HANDED_ON.0);
    /// A process has had the connection under more than one number.
    pub const COPIED: Self = Self(64);
    /// No process holds the connection, a message with it was under way, and a search for free
    /// slots has seen that once.
    pub(super) const AWAITED: Self = Self(32);
    /// Some process may hold the connection that no cell stands for, and a look at all processes
    /// would find it.
    pub const UNCOUNTED: Self = Self(Self::LEAKED.0 | Self::CROWDED.0 | Self::FOREIGN.0);
    /// A message, or a process of any user and any namespace, may have the connection: no look finds it.
    pub const HIDDEN: Self = Self(Self::PASSED.0 | Self::HANDED_ON.0);
    const ALL: u32 = 127;

    /// Whether all of `other` is set.
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is set.
    pub fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// The marks of a connection at one moment, with the number of times that one was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MarksSeen(u32);

impl MarksSeen {
    /// The marks of that moment.
    pub fn marks(self) -> Marks {
        Marks(self.0 & Marks::ALL)
    }
}

zeroed! {
    /// The marks of one connection in the lower bits; above them, how often one was made.
    #[derive(Default)]
    pub struct MarkWord(AtomicU32);
}

/// One in the number above the marks.
const MADE: u32 = Marks::ALL + 1;

impl MarkWord {
    /// The slot belongs to another connection: no marks. The number above them goes on.
    pub fn clear(&self) {
        let unmarked = |word: u32| Some((word & !Marks::ALL).wrapping_add(MADE));
        let _ = self.0.fetch_update(SeqCst, SeqCst, unmarked);
    }

    /// Becomes a copy of `other`.
    pub fn copy(&self, other: &Self) {
        self.0.store(other.0.load(SeqCst), SeqCst);
    }

    /// Adds `mark`, for every process of the family.
    pub fn add(&self, mark: Marks) {
        let marked = |word: u32| Some((word | mark.0).wrapping_add(MADE));
        let _ = self.0.fetch_update(SeqCst, SeqCst, marked);
    }

    /// The marks of now, and the number that [`MarkWord::unmark_leaked`] compares.
    pub fn seen(&self) -> MarksSeen {
        MarksSeen(self.0.load(SeqCst))
    }

    /// Takes [`Marks::LEAKED`] away, unless a mark was made since `seen`.
    pub fn unmark_leaked(&self, seen: MarksSeen) {
        let _ = self.0.compare_exchange(seen.0, seen.0 & !Marks::LEAKED.0, SeqCst, SeqCst);
    }
}

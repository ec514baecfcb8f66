//! The ledger of one process, and the proof that the calling process owns it.
//!
//! Everything that the ledger knows hangs on [`Ledger`]. Every method that writes to the memory of
//! the process hangs on [`Owner`], which only the pid test in [`Ledger::owner`] gives out. The
//! methods lie beside the ideas that they serve: `connections.rs`, `claims.rs`, `watching.rs`,
//! and the folders `process`, `passing` and `rings`.
//!
//! Context: hooks of any kind, signal handlers and `vfork` children included.

use super::local::children::Children;
use super::local::creations::Creations;
use super::local::identity::Identity;
use super::local::ring_table::Rings;
use super::local::table::FdTable;
use super::local::user::User;
use super::memory::cells::Released;
use super::memory::channels::Channels;
use super::memory::descriptions::{Descriptions, SlotId};
use super::memory::family::Family;
use super::memory::family_memory::FamilyMemory;
use super::memory::records::Namespace;
use super::memory::token::Token;
use crate::holders::sets::table::Sets;
use crate::sys::limit::Limit;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};

/// All that one process knows of references to its connections, and the memory in which its
/// fork family counts them.
pub struct Ledger {
    pub(super) identity: Identity,
    /// How many descriptor numbers the ledger keeps track of.
    pub(super) capacity: AtomicU32,
    pub(super) table: FdTable,
    pub(super) sets: Sets,
    pub(super) rings: Rings,
    /// The memory that this process shares with its fork family.
    pub(super) memory: FamilyMemory,
    /// Socket pairs of a process that has no family memory yet.
    pub(super) own_channels: Channels<16>,
    /// See [`Ledger::set_options`]. Noted here as well, as there may be no family memory yet.
    pub(super) options: AtomicBool,
    /// All open numbers have been looked through for connections; see [`Owner::shares`].
    pub(super) has_looked: AtomicBool,
    pub(super) user: User,
    pub(super) processes: Processes,
    pub(super) blindness: Blindness,
    pub(super) finishing: Finishing,
    /// The soft limit of descriptors (`RLIMIT_NOFILE`).
    pub limit: Limit,
}

/// The processes that this one makes.
pub(super) struct Processes {
    pub(super) children: Children,
    pub(super) creations: Creations,
    /// How many threads of this process are replacing its program by `exec`.
    pub(super) replacing: AtomicU32,
    /// See [`Ledger::may_have_leaked`].
    pub(super) may_have_leaked: AtomicBool,
}

/// What this process does that no hook and no look at procfs can follow.
pub(super) struct Blindness {
    /// How many reasons there are, of those that last.
    pub(super) reasons: AtomicU32,
    /// Whether a thread may have a table of descriptors of its own.
    pub(super) is_table_split: AtomicBool,
}

/// The finisher (`softclose-drain`) of this process.
pub(super) struct Finishing {
    /// The pid of the finisher that has taken over what this process left, while this process is
    /// still there; 0 for none.
    pub(super) finisher: AtomicI32,
    /// Whether this process, or one that it was forked from, is a subreaper
    /// (`PR_SET_CHILD_SUBREAPER`).
    pub(super) is_subreaper: AtomicBool,
}

/// Proof that the calling process owns the memory of the ledger: it is not a `vfork` child, nor
/// one that a raw `clone` made.
#[derive(Clone, Copy)]
pub struct Owner<'a>(pub(super) &'a Ledger);

impl Ledger {
    /// A ledger that knows nothing and that no process owns.
    pub const fn new() -> Self {
        Self {
            identity: Identity::new(),
            capacity: AtomicU32::new(0),
            table: FdTable::new(),
            sets: Sets::new(),
            rings: Rings::new(),
            memory: FamilyMemory::new(),
            own_channels: Channels::new(),
            options: AtomicBool::new(false),
            has_looked: AtomicBool::new(false),
            user: User::new(),
            processes: Processes::new(),
            blindness: Blindness { reasons: AtomicU32::new(0), is_table_split: AtomicBool::new(false) },
            finishing: Finishing { finisher: AtomicI32::new(0), is_subreaper: AtomicBool::new(false) },
            limit: Limit::new(),
        }
    }

    /// In the constructor: the calling process owns the ledger from now on. `capacity` is how many
    /// descriptor numbers the ledger keeps track of.
    pub fn begin(&self, capacity: u32) {
        self.capacity.store(capacity, SeqCst);
        self.identity.set();
    }

    /// In the constructor: `users` are the real, effective and saved user id of this process. When
    /// it loses one of them for good it leaves the family memory (`process/user.rs`).
    pub fn set_users(&self, users: [u32; 3]) {
        self.user.set(users);
    }

    /// The pid test: `None` in a process that does not own this memory. One system call.
    pub fn owner(&self) -> Option<Owner<'_>> {
        self.identity.is_own().then_some(Owner(self))
    }

    /// Before a child is made that runs on this memory, in a pid namespace of its own if
    /// `is_inner`. Where this process is pid 1, or makes its children in another pid namespace, the
    /// child may have the same pid: then this answers true, and until [`Ledger::has_no_double`] no
    /// process is the owner.
    pub fn may_have_double(&self, is_inner: bool) -> bool {
        self.identity.may_have_double(is_inner)
    }

    /// The child of [`Ledger::may_have_double`] has ended, or runs another program.
    pub fn has_no_double(&self) {
        self.identity.has_no_double();
    }

    /// At the end of the process: its token is removed, so that its cells count as those of a dead
    /// process.
    pub fn retire(&self) {
        if let Some(me) = self.me() {
            self.family().remove(me);
        }
    }

    pub(super) fn family(&self) -> Family<'_> {
        Family::of(&self.memory)
    }

    pub(super) fn descriptions(&self) -> Descriptions<'_> {
        Descriptions::of(&self.memory)
    }

    pub(super) fn me(&self) -> Option<Token> {
        self.identity.token()
    }

    pub(super) fn here(&self) -> Namespace {
        self.identity.namespace()
    }

    pub(super) fn is_alive(&self, token: Token) -> bool {
        self.me() == Some(token) || self.family().is_alive(token, self.here())
    }

    pub(super) fn drop_reference(&self, slot: SlotId) -> Option<Released> {
        self.descriptions().release(slot, self.me()?, |token| self.is_alive(token))
    }
}

impl Processes {
    const fn new() -> Self {
        Self {
            children: Children::new(),
            creations: Creations::new(),
            replacing: AtomicU32::new(0),
            may_have_leaked: AtomicBool::new(false),
        }
    }
}

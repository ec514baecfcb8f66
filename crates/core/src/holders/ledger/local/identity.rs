//! Which process the ledger belongs to.
//!
//! A `vfork` child, or a child that a raw `clone` with `CLONE_VM` made, runs on the memory of its
//! parent. Each of its writes there would be a write to the parent's ledger. So the process that
//! the memory belongs to is noted, and compared with the calling one before each write.
//!
//! Context: hooks of any kind; async-signal-safe.

use crate::holders::ledger::memory::records::Namespace;
use crate::holders::ledger::memory::token::Token;
use crate::sys::birthmark::Birthmark;
use crate::sys::process;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, AtomicU64, Ordering::SeqCst};

/// The process whose memory this is: its pid here, and its token in the family.
pub struct Identity {
    /// 0 until the constructor has run.
    pid: AtomicI32,
    /// A copy of this memory loses it (`MADV_WIPEONFORK`): a child in a pid namespace of its own
    /// may have the pid of its parent. There is one where that can be.
    birthmark: Birthmark,
    /// The raw [`Token`]; 0 before the first connection.
    pub(in crate::holders::ledger) token: AtomicU32,
    /// The pid namespace of this process.
    pub(in crate::holders::ledger) namespace: AtomicU64,
    /// How many children run on this memory and cannot be told from this process.
    doubles: AtomicU32,
    /// Whether this process makes its children in another pid namespace than its own.
    pub(in crate::holders::ledger) has_inner_children: AtomicBool,
}

impl Identity {
    /// Nobody's.
    pub const fn new() -> Self {
        Self {
            pid: AtomicI32::new(0),
            birthmark: Birthmark::new(),
            token: AtomicU32::new(0),
            namespace: AtomicU64::new(0),
            doubles: AtomicU32::new(0),
            has_inner_children: AtomicBool::new(false),
        }
    }

    /// From now on this memory belongs to the calling process.
    pub fn set(&self) {
        /// The first process of a pid namespace, and all its children that are first in theirs.
        const FIRST: i32 = 1;
        let pid = own_pid();
        if pid == FIRST || self.birthmark.is_made() {
            self.birthmark.set();
        }
        self.pid.store(pid, SeqCst);
    }

    /// From now on this process makes its children in another pid namespace than its own, where any of
    /// them may get its pid.
    pub fn makes_inner_children(&self) {
        self.has_inner_children.store(true, SeqCst);
        self.birthmark.set();
    }

    /// Whether this memory belongs to the calling process. Costs one system call (`getpid`).
    pub fn is_own(&self) -> bool {
        let pid = own_pid();
        let same = pid != 0 && self.pid.load(SeqCst) == pid && self.birthmark.is_set();
        same && self.doubles.load(SeqCst) == 0
    }

    /// A child is about to be made on this memory, in a pid namespace of its own if `is_inner`.
    /// Answers whether it may be a double: a process that no pid test tells from this one.
    pub fn may_have_double(&self, is_inner: bool) -> bool {
        let has_double = self.has_inner_children.load(SeqCst) || is_inner && own_pid() == 1;
        if has_double {
            self.doubles.fetch_add(1, SeqCst);
        }
        has_double
    }

    /// One double has ended, or runs another program.
    pub fn has_no_double(&self) {
        self.doubles.fetch_sub(1, SeqCst);
    }

    /// The name of this process in the family's memory; `None` before its first connection.
    pub fn token(&self) -> Option<Token> {
        Token::new(self.token.load(SeqCst))
    }

    /// The pid namespace of this process.
    pub fn namespace(&self) -> Namespace {
        Namespace(self.namespace.load(SeqCst))
    }
}

/// The pid of the calling process; 0 where the kernel does not tell, so that nobody is the owner.
fn own_pid() -> i32 {
    process::pid().map_or(0, |pid| pid.as_raw_nonzero().get())
}

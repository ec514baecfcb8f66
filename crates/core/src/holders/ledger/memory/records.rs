//! What lies in shared memory about the processes of a family, one by one and as a whole.
//!
//! Any process that has the memory may have written anything there.
//!
//! Context: hooks of any kind; lock-free.

use super::token::Token;
use crate::zeroed;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, test_kill_process, waitid};

zeroed! {
    /// One process.
    pub struct Record {
        /// Token in the upper half, pid in the lower.
        pub(super) word: AtomicU64,
        /// The [`Namespace`] in which that process has that pid.
        pub(super) namespace: AtomicU64,
        /// Flags of [`super::family`]; in the upper half when the record was begun, in seconds after boot.
        pub(super) flags: AtomicU64,
    }
}

zeroed! {
    /// What the family knows as a whole, in one cache line.
    #[repr(align(64))]
    pub struct FamilyState {
        /// The next token to give out, less one.
        pub(super) next: AtomicU64,
        /// When the family was founded, in nanoseconds after boot; 0 before.
        pub(super) founded: AtomicU64,
        /// How many pid namespaces were named, besides the founder's.
        pub(super) namespaces: AtomicU64,
        /// Not 0: some process has set an option that changes how a connection ends.
        pub(super) options: AtomicU64,
        /// How many threads are taking a descriptor of another process (`pidfd_getfd`).
        pub(super) taking: AtomicU64,
        /// Not 0: another program may have got a connection that has no slot.
        pub(super) uncounted_handed_on: AtomicU64,
        /// How many slots were ever in use.
        pub(super) reach: AtomicU64,
    }
}

/// How many processes of a family can hold connections at once.
pub const MEMBERS: usize = 4096;

/// Tells the pid namespaces of one family apart; that of the founder is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespace(pub u64);

impl FamilyState {
    pub(super) fn all(&self) -> [&AtomicU64; 7] {
        let Self { next, founded, namespaces, options, taking, uncounted_handed_on, reach } = self;
        [next, founded, namespaces, options, taking, uncounted_handed_on, reach]
    }
}

impl Record {
    pub(super) fn begin(&self, now: u32) {
        self.flags.store(u64::from(now) << 32, SeqCst);
    }

    pub(super) fn lives(&self, here: Namespace) -> bool {
        let pid = pid_of(self.word.load(SeqCst));
        self.namespace.load(SeqCst) != here.0 || exists(pid)
    }
}

pub(super) fn pack(token: Token, pid: u32) -> u64 {
    u64::from(token.raw()) << 32 | u64::from(pid)
}

pub(super) fn token_of(word: u64) -> u32 {
    (word >> 32) as u32
}

/// The pid in a word. What is no pid, as another process has written rubbish there, is none.
pub(super) fn pid_of(word: u64) -> Option<Pid> {
    Pid::from_raw((word as u32 as i32).max(0))
}

/// Whether a process exists and is not a zombie of the calling one. No pid yet counts as yes.
fn exists(pid: Option<Pid>) -> bool {
    let Some(pid) = pid else { return true };
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::Pid(pid), peek) {
        Ok(Some(_)) => false,
        Ok(None) => true,
        Err(_) => test_kill_process(pid) != Err(Errno::SRCH),
    }
}

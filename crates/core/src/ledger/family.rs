//! The processes that share the counts: a fork family.
//!
//! A holder is named by a token, given out before its process exists (the count
//! has to be raised before `fork`), and bound to a pid afterwards. Whether a
//! holder lives is asked of the kernel: a zombie of ours counts as dead, a pid
//! that was reused as alive, which errs on the safe side. A pid means something
//! only in its own pid namespace: whoever is in another one counts as alive.
//!
//! Context: hooks of any kind; lock-free.

pub use super::token::Token;

use crate::sys::region::{Region, Sharing, Zeroed};
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, test_kill_process, waitid};

#[repr(C)]
struct Record {
    /// Token in the upper half, pid in the lower.
    word: AtomicU64,
    /// The [`Namespace`] in which that pid is meant.
    namespace: AtomicU64,
    /// Not 0: it may be another program by now.
    moved: AtomicU64,
}

// SAFETY: repr(C), atomics only; zero is an unused record.
unsafe impl Zeroed for Record {}

/// Tells the pid namespaces of one family apart; the founder's is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespace(pub u64);

/// How many processes can hold connections at once.
const MEMBERS: usize = 4096;
/// Records before the members': the next token, the founder's start time, the next
/// namespace, and whether anybody has set an option that
/// changes the end of a connection.
const NEXT: usize = 0;
const FOUNDED: usize = 1;
const NAMESPACES: usize = 2;
const OPTIONS: usize = 3;
const FIRST: usize = 4;

/// The shared register of processes.
pub struct Family {
    records: Region<Record>,
}

impl Family {
    /// Nothing mapped yet.
    pub const fn new() -> Self {
        Self { records: Region::new(Sharing::Shared) }
    }

    /// Maps the register.
    pub fn ensure(&self) -> bool {
        self.records.ensure(MEMBERS + FIRST)
    }

    /// A token for a process that does not exist yet. `None` where too many are
    /// alive to be told apart.
    pub fn enlist(&self, here: Namespace) -> Option<Token> {
        const TRIES: u32 = 8;
        (0..TRIES).find_map(|_| {
            let next = self.records.get(NEXT)?.word.fetch_add(1, SeqCst) as u32;
            let token = Token::new(next.wrapping_add(1))?;
            let record = self.record(token)?;
            let old = record.word.load(SeqCst);
            let free = old == 0 || !self.lives(record, here);
            let taken = free && record.word.compare_exchange(old, pack(token, 0), SeqCst, SeqCst).is_ok();
            taken.then(|| record.moved.store(0, SeqCst)).map(|()| token)
        })
    }

    /// Binds a token to its process, as it is called in namespace `here`.
    pub fn name(&self, token: Token, pid: Pid, here: Namespace) {
        let Some(record) = self.record(token) else { return };
        record.namespace.store(here.0, SeqCst);
        let named = pack(token, pid.as_raw_nonzero().get() as u32);
        let _ = record.word.compare_exchange(pack(token, 0), named, SeqCst, SeqCst);
    }

    /// The process is about to be another program, which has what is not close-on-exec.
    pub fn may_move(&self, token: Token) {
        if let Some(record) = self.record(token) {
            record.moved.store(1, SeqCst);
        }
    }

    /// Whether it still runs the program that was forked, as far as hooks have seen.
    pub fn has_stayed(&self, token: Token) -> bool {
        self.record(token).is_some_and(|record| record.moved.load(SeqCst) == 0)
    }

    /// Somebody has set an option that changes the end of a connection, or made one of
    /// MPTCP, which has a different one. A store to shared
    /// memory, which says what is true of the parent as well: a `vfork` child may do it.
    pub fn set_options(&self) {
        if let Some(record) = self.records.get(OPTIONS) {
            record.word.store(1, SeqCst);
        }
    }

    /// Whether anybody has.
    pub fn has_options(&self) -> bool {
        self.records.get(OPTIONS).is_none_or(|record| record.word.load(SeqCst) != 0)
    }

    /// Takes back a token whose process has ended, or was never made.
    pub fn strike(&self, token: Token) {
        let Some(record) = self.record(token) else { return };
        let update = |word| (token_of(word) == token.raw()).then_some(0);
        let _ = record.word.fetch_update(SeqCst, SeqCst, update);
    }

    /// Whether the process may still hold descriptors. A token that is not yet
    /// named is that of a fork under way, and counts as alive.
    pub fn is_alive(&self, token: Token, here: Namespace) -> bool {
        let Some(record) = self.record(token) else { return true };
        let word = record.word.load(SeqCst);
        match token_of(word) {
            found if found == token.raw() => self.lives(record, here),
            // Struck out, or its record given to another since.
            _ => false,
        }
    }

    /// The pid of a process, once it is known, and where it means something.
    pub fn pid(&self, token: Token, here: Namespace) -> Option<Pid> {
        let record = self.record(token)?;
        let word = record.word.load(SeqCst);
        let known = token_of(word) == token.raw() && record.namespace.load(SeqCst) == here.0;
        if known { pid_of(word) } else { None }
    }

    /// A namespace of which the family has not heard yet.
    pub fn new_namespace(&self) -> Namespace {
        Namespace(self.records.get(NAMESPACES).map_or(0, |record| record.word.fetch_add(1, SeqCst) + 1))
    }

    fn lives(&self, record: &Record, here: Namespace) -> bool {
        let pid = pid_of(record.word.load(SeqCst));
        record.namespace.load(SeqCst) != here.0 || exists(pid)
    }

    /// Remembers when the founder of the family was started, clock ticks after
    /// boot: whoever is older cannot have inherited from it.
    pub fn found(&self, start: u64) {
        if let Some(record) = self.records.get(FOUNDED) {
            let _ = record.word.compare_exchange(0, start, SeqCst, SeqCst);
        }
    }

    /// See [`Family::found`]; 0 where that is not known.
    pub fn founded(&self) -> u64 {
        self.records.get(FOUNDED).map_or(0, |record| record.word.load(SeqCst))
    }

    fn record(&self, token: Token) -> Option<&Record> {
        self.records.get(FIRST + token.raw() as usize % MEMBERS)
    }
}

fn pack(token: Token, pid: u32) -> u64 {
    u64::from(token.raw()) << 32 | u64::from(pid)
}

fn token_of(word: u64) -> u32 {
    (word >> 32) as u32
}

fn pid_of(word: u64) -> Option<Pid> {
    Pid::from_raw(word as u32 as i32)
}

/// Whether a process exists and is not a zombie of ours.
fn exists(pid: Option<Pid>) -> bool {
    let Some(pid) = pid else { return true };
    let peek = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    match waitid(WaitId::Pid(pid), peek) {
        Ok(Some(_)) => false,
        Ok(None) => true,
        Err(_) => test_kill_process(pid) != Err(Errno::SRCH),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Namespace = Namespace(0);

    fn family() -> Family {
        let family = Family::new();
        assert!(family.ensure());
        family
    }

    #[test]
    fn a_process_that_is_being_made_counts_as_alive() {
        let family = family();
        let token = family.enlist(HERE).unwrap();
        assert!(family.is_alive(token, HERE));
        family.strike(token);
        assert!(!family.is_alive(token, HERE));
    }

    #[test]
    #[cfg_attr(miri, ignore = "processes")]
    fn a_zombie_of_ours_is_dead() {
        let family = family();
        let token = family.enlist(HERE).unwrap();
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(child.id() as i32).unwrap();
        family.name(token, pid, HERE);
        assert!(family.is_alive(token, HERE));
        drop(child.stdin.take());
        // Waits for the end without reaping.
        let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
        assert!(!family.is_alive(token, HERE));
        child.wait().unwrap();
        assert!(!family.is_alive(token, HERE));
    }

    #[test]
    fn tokens_are_distinct_and_never_zero() {
        let family = family();
        let one = family.enlist(HERE).unwrap();
        let two = family.enlist(HERE).unwrap();
        assert!(one != two && one.raw() != 0 && two.raw() != 0);
    }

    #[test]
    fn a_token_given_out_again_has_not_moved() {
        let family = family();
        let token = family.enlist(HERE).unwrap();
        family.may_move(token);
        assert!(!family.has_stayed(token));
        family.strike(token);
        let again = (0..=MEMBERS).find_map(|_| {
            let next = family.enlist(HERE).unwrap();
            let same = next.raw() as usize % MEMBERS == token.raw() as usize % MEMBERS;
            family.strike(next);
            same.then_some(next)
        });
        assert!(family.has_stayed(again.unwrap()));
    }

    #[test]
    #[cfg_attr(miri, ignore = "processes")]
    fn a_pid_of_another_namespace_says_nothing() {
        let family = family();
        let token = family.enlist(HERE).unwrap();
        // No process has this pid.
        family.name(token, Pid::from_raw(i32::MAX).unwrap(), HERE);
        assert!(!family.is_alive(token, HERE));
        assert!(family.is_alive(token, family.new_namespace()));
    }
}

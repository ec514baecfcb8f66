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

use super::family_memory::{FamilyMemory, SLOTS};
use crate::sys::clock;
use crate::zeroed;
use core::sync::atomic::{AtomicU64, Ordering::SeqCst};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, test_kill_process, waitid};

zeroed! {
    /// One process.
    pub struct Record {
        /// Token in the upper half, pid in the lower.
        word: AtomicU64,
        /// The [`Namespace`] in which that pid is meant.
        namespace: AtomicU64,
        /// What else is known; in the upper half since when, seconds after boot.
        flags: AtomicU64,
    }
}

/// It may be another program by now, or do what no hook follows.
const MOVED: u64 = 1;
/// Its memory is its own: the fork has not failed.
const BORN: u64 = 2;

zeroed! {
    /// What the family knows as a whole, in one line of the cache.
    #[repr(align(64))]
    pub struct Words {
        /// The next token.
        next: AtomicU64,
        /// When it was founded.
        founded: AtomicU64,
        /// The next namespace.
        namespaces: AtomicU64,
        /// Whether anybody has set an option that changes the end of a connection.
        options: AtomicU64,
        /// How many are taking a descriptor of another process.
        taking: AtomicU64,
        /// Whether another program got a connection that no slot stands for.
        strays: AtomicU64,
        /// How many slots were ever in use.
        reach: AtomicU64,
    }
}

/// Tells the pid namespaces of one family apart; the founder's is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Namespace(pub u64);

/// How many processes can hold connections at once.
pub const MEMBERS: usize = 4096;

/// The shared register of processes.
#[derive(Clone, Copy)]
pub struct Family<'a>(&'a FamilyMemory);

impl<'a> Family<'a> {
    /// Those in this memory.
    pub fn of(memory: &'a FamilyMemory) -> Self {
        Self(memory)
    }

    fn words(self) -> Option<&'a Words> {
        self.0.head().map(|head| &head.words)
    }

    fn record(self, token: Token) -> Option<&'a Record> {
        self.0.head()?.records.get(token.raw() as usize % MEMBERS)
    }

    /// A token for a process that does not exist yet, `now` in seconds after boot. `None`
    /// where too many are alive to be told apart.
    pub fn enlist(self, here: Namespace, now: u32) -> Option<Token> {
        const TRIES: u32 = 8;
        (0..TRIES).find_map(|_| {
            let next = self.words()?.next.fetch_add(1, SeqCst) as u32;
            let token = Token::new(next.wrapping_add(1))?;
            let record = self.record(token)?;
            let old = record.word.load(SeqCst);
            let free = old == 0 || !record.lives(here);
            let taken = free && record.word.compare_exchange(old, pack(token, 0), SeqCst, SeqCst).is_ok();
            taken.then(|| record.begin(now)).map(|()| token)
        })
    }

    /// Binds a token to its process, as it is called in namespace `here`.
    pub fn name(self, token: Token, pid: Pid, here: Namespace) {
        let Some(record) = self.record(token) else { return };
        record.namespace.store(here.0, SeqCst);
        let named = pack(token, pid.as_raw_nonzero().get() as u32);
        let _ = record.word.compare_exchange(pack(token, 0), named, SeqCst, SeqCst);
    }

    /// The process is about to be another program, which has what is not close-on-exec.
    pub fn may_move(self, token: Token) {
        self.flag(token, MOVED);
    }

    /// It is followed by hooks, in memory of its own.
    pub fn stays(self, token: Token) {
        if let Some(record) = self.record(token) {
            record.flags.fetch_and(!MOVED, SeqCst);
        }
    }

    /// Whether it still runs the program that was forked, as far as hooks have seen.
    pub fn has_stayed(self, token: Token) -> bool {
        self.record(token).is_some_and(|record| record.flags.load(SeqCst) & MOVED == 0)
    }

    /// The child of a fork is there.
    pub fn is_born(self, token: Token) {
        self.flag(token, BORN);
    }

    /// Whether there is or was such a process, or a fork is under way that has not taken
    /// longer than any should. libc forks for itself (`forkpty`), and does not tell
    /// whether that has failed.
    pub fn may_be_born(self, token: Token) -> bool {
        const LONGEST: u64 = 10;
        let Some(record) = self.record(token) else { return true };
        let flags = record.flags.load(SeqCst);
        let is_born = flags & BORN != 0 || pid_of(record.word.load(SeqCst)).is_some();
        is_born || u64::from(clock::seconds_since_boot()).wrapping_sub(flags >> 32) <= LONGEST
    }

    fn flag(self, token: Token, flag: u64) {
        if let Some(record) = self.record(token) {
            record.flags.fetch_or(flag, SeqCst);
        }
    }

    /// Somebody has set an option that changes the end of a connection, or made one of
    /// MPTCP, which has a different one. A store to shared
    /// memory, which says what is true of the parent as well: a `vfork` child may do it.
    pub fn set_options(self) {
        if let Some(words) = self.words() {
            words.options.store(1, SeqCst);
        }
    }

    /// Whether anybody has.
    pub fn has_options(self) -> bool {
        self.words().is_none_or(|words| words.options.load(SeqCst) != 0)
    }

    /// Somebody is about to take a descriptor of another process (`pidfd_getfd`), or has
    /// done so. A store to shared memory, as [`Family::set_options`].
    pub fn takes(self, is_begin: bool) {
        if let Some(words) = self.words() {
            words.taking.fetch_add(if is_begin { 1 } else { u64::MAX }, SeqCst);
        }
    }

    /// Whether anybody is taking one.
    pub fn is_taking(self) -> bool {
        self.words().is_some_and(|words| words.taking.load(SeqCst) != 0)
    }

    /// Another program got a connection that no slot stands for, or may have. A store to
    /// shared memory, as [`Family::set_options`].
    pub fn hand_strays(self) {
        if let Some(words) = self.words() {
            words.strays.store(1, SeqCst);
        }
    }

    /// Whether one may have.
    pub fn has_handed_strays(self) -> bool {
        self.words().is_some_and(|words| words.strays.load(SeqCst) != 0)
    }

    /// So many slots were in use at some time.
    pub fn reach(self) -> usize {
        self.words().map_or(0, |words| words.reach.load(SeqCst).min(SLOTS as u64) as usize)
    }

    /// Slots below `reach` are in use.
    pub fn reaches(self, reach: u32) {
        let Some(words) = self.words() else { return };
        if words.reach.load(SeqCst) < u64::from(reach) {
            words.reach.fetch_max(u64::from(reach), SeqCst);
        }
    }

    /// Whether the token is that of process `pid` of namespace `here`; or may still become it,
    /// where it `may_be_unnamed`.
    pub fn is_named(self, token: Token, pid: Pid, here: Namespace, may_be_unnamed: bool) -> bool {
        let Some(record) = self.record(token) else { return false };
        let word = record.word.load(SeqCst);
        let is_it = pid_of(word) == Some(pid) && record.namespace.load(SeqCst) == here.0;
        token_of(word) == token.raw() && (is_it || may_be_unnamed && pid_of(word).is_none())
    }

    /// Takes back a token whose process has ended, or was never made.
    pub fn strike(self, token: Token) {
        let Some(record) = self.record(token) else { return };
        let word = record.word.load(SeqCst);
        if token_of(word) == token.raw() {
            // Where it is named meanwhile it has ended all the same.
            let named = record.word.compare_exchange(word, 0, SeqCst, SeqCst).err();
            if let Some(named) = named.filter(|&named| token_of(named) == token.raw()) {
                let _ = record.word.compare_exchange(named, 0, SeqCst, SeqCst);
            }
        }
    }

    /// Whether the process may still hold descriptors. A token that is not yet
    /// named is that of a fork under way, and counts as alive.
    pub fn is_alive(self, token: Token, here: Namespace) -> bool {
        let Some(record) = self.record(token) else { return true };
        let word = record.word.load(SeqCst);
        match token_of(word) {
            found if found == token.raw() => record.lives(here),
            // Struck out, or its record given to another since.
            _ => false,
        }
    }

    /// The pid of a process, once it is known, and where it means something.
    pub fn pid(self, token: Token, here: Namespace) -> Option<Pid> {
        let record = self.record(token)?;
        let word = record.word.load(SeqCst);
        let known = token_of(word) == token.raw() && record.namespace.load(SeqCst) == here.0;
        if known { pid_of(word) } else { None }
    }

    /// A namespace of which the family has not heard yet.
    pub fn new_namespace(self) -> Namespace {
        Namespace(self.words().map_or(0, |words| words.namespaces.fetch_add(1, SeqCst).wrapping_add(1)))
    }

    /// The family begins `now`, nanoseconds after boot: no other one that had the same place
    /// in memory did.
    pub fn found(self, now: u64) {
        if let Some(words) = self.words() {
            let _ = words.founded.compare_exchange(0, now.max(1), SeqCst, SeqCst);
        }
    }

    /// See [`Family::found`]; 0 before.
    pub fn founded(self) -> u64 {
        self.words().map_or(0, |words| words.founded.load(SeqCst))
    }

    /// Copies what is known of all to memory that nobody shares yet.
    pub fn copy_to(self, other: Family<'_>) {
        let Some((from, to)) = self.words().zip(other.words()) else { return };
        from.all().into_iter().zip(to.all()).for_each(|(from, to)| to.store(from.load(SeqCst), SeqCst));
    }

    /// Copies what is known of one process.
    pub fn copy_one_to(self, other: Family<'_>, token: Token) {
        let Some((from, to)) = self.record(token).zip(other.record(token)) else { return };
        to.namespace.store(from.namespace.load(SeqCst), SeqCst);
        to.flags.store(from.flags.load(SeqCst), SeqCst);
        to.word.store(from.word.load(SeqCst), SeqCst);
    }
}

impl Words {
    fn all(&self) -> [&AtomicU64; 7] {
        let Self { next, founded, namespaces, options, taking, strays, reach } = self;
        [next, founded, namespaces, options, taking, strays, reach]
    }
}

impl Record {
    fn begin(&self, now: u32) {
        self.flags.store(u64::from(now) << 32, SeqCst);
    }

    fn lives(&self, here: Namespace) -> bool {
        let pid = pid_of(self.word.load(SeqCst));
        self.namespace.load(SeqCst) != here.0 || exists(pid)
    }
}

fn pack(token: Token, pid: u32) -> u64 {
    u64::from(token.raw()) << 32 | u64::from(pid)
}

fn token_of(word: u64) -> u32 {
    (word >> 32) as u32
}

/// What is no pid, as it can only be where somebody has scribbled, is none.
fn pid_of(word: u64) -> Option<Pid> {
    Pid::from_raw((word as u32 as i32).max(0))
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
    use crate::sys::shared::Reach;

    const HERE: Namespace = Namespace(0);

    fn memory() -> FamilyMemory {
        let memory = FamilyMemory::new();
        assert!(memory.ensure(64, Reach::Forks));
        memory
    }

    #[test]
    fn a_process_that_is_being_made_counts_as_alive() {
        let memory = memory();
        let family = Family::of(&memory);
        let token = family.enlist(HERE, 0).unwrap();
        assert!(family.is_alive(token, HERE));
        family.strike(token);
        assert!(!family.is_alive(token, HERE));
    }

    #[test]
    #[cfg_attr(miri, ignore = "processes")]
    fn a_zombie_of_ours_is_dead() {
        let memory = memory();
        let family = Family::of(&memory);
        let token = family.enlist(HERE, 0).unwrap();
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
        let memory = memory();
        let family = Family::of(&memory);
        let one = family.enlist(HERE, 0).unwrap();
        let two = family.enlist(HERE, 0).unwrap();
        assert!(one != two && one.raw() != 0 && two.raw() != 0);
    }

    #[test]
    fn a_child_that_nobody_has_heard_of_for_long_is_none() {
        let memory = memory();
        let family = Family::of(&memory);
        let [old, new] = [clock::seconds_since_boot() - 11, clock::seconds_since_boot()]
            .map(|since| family.enlist(HERE, since).unwrap());
        assert!(!family.may_be_born(old) && family.may_be_born(new));
        family.is_born(old);
        assert!(family.may_be_born(old));
    }

    #[test]
    fn a_token_given_out_again_has_not_moved() {
        let memory = memory();
        let family = Family::of(&memory);
        let token = family.enlist(HERE, 0).unwrap();
        family.may_move(token);
        assert!(!family.has_stayed(token));
        family.strike(token);
        let again = (0..=MEMBERS).find_map(|_| {
            let next = family.enlist(HERE, 0).unwrap();
            let same = next.raw() as usize % MEMBERS == token.raw() as usize % MEMBERS;
            family.strike(next);
            same.then_some(next)
        });
        assert!(family.has_stayed(again.unwrap()));
    }

    #[test]
    #[cfg_attr(miri, ignore = "processes")]
    fn a_pid_of_another_namespace_says_nothing() {
        let memory = memory();
        let family = Family::of(&memory);
        let token = family.enlist(HERE, 0).unwrap();
        // No process has this pid.
        family.name(token, Pid::from_raw(i32::MAX).unwrap(), HERE);
        assert!(!family.is_alive(token, HERE));
        assert!(family.is_alive(token, family.new_namespace()));
    }
}

//! The processes that share the counts: a family.
//!
//! A process is identified by a token. The token is given out before the process exists, as the
//! counts have to be raised before `fork`, and is bound to a pid afterwards. Whether a holder is
//! alive is asked of the kernel. A zombie that the calling process can wait for counts as dead; a pid
//! that was used again counts as alive, which is the safe side. A pid means something only in its own
//! pid namespace: a process in another namespace counts as alive.
//!
//! Context: hooks of any kind; lock-free.

use super::family_memory::{FamilyMemory, SLOTS};
use super::records::{FamilyState, MEMBERS, Namespace, Record, pack, pid_of, token_of};
use super::token::Token;
use crate::sys::clock;
use core::sync::atomic::Ordering::SeqCst;
use rustix::process::Pid;

/// The process may run another program by now, or do what no hook follows.
const UNFOLLOWED: u64 = 1;
/// The process exists: the fork has not failed.
const EXISTS: u64 = 2;

/// The register of the processes that share one memory.
#[derive(Clone, Copy)]
pub struct Family<'a>(&'a FamilyMemory);

impl<'a> Family<'a> {
    /// The processes in this memory.
    pub fn of(memory: &'a FamilyMemory) -> Self {
        Self(memory)
    }

    fn state(self) -> Option<&'a FamilyState> {
        self.0.head().map(|head| &head.state)
    }

    fn record(self, token: Token) -> Option<&'a Record> {
        self.0.head()?.records.get(token.raw() as usize % MEMBERS)
    }

    /// A token for a process that does not exist yet; `now` is in seconds after boot. `None` where too
    /// many processes are alive to be told apart.
    pub fn register(self, here: Namespace, now: u32) -> Option<Token> {
        const TRIES: u32 = 8;
        (0..TRIES).find_map(|_| {
            let next = self.state()?.next.fetch_add(1, SeqCst) as u32;
            let token = Token::new(next.wrapping_add(1))?;
            let record = self.record(token)?;
            let old = record.word.load(SeqCst);
            let free = old == 0 || !record.lives(here);
            let taken = free && record.word.compare_exchange(old, pack(token, 0), SeqCst, SeqCst).is_ok();
            taken.then(|| record.begin(now)).map(|()| token)
        })
    }

    /// Binds a token to its process, which has pid `pid` in namespace `here`.
    pub fn set_pid(self, token: Token, pid: Pid, here: Namespace) {
        let Some(record) = self.record(token) else { return };
        record.namespace.store(here.0, SeqCst);
        let bound = pack(token, pid.as_raw_nonzero().get() as u32);
        let _ = record.word.compare_exchange(pack(token, 0), bound, SeqCst, SeqCst);
    }

    /// The process is about to execute another program, or to do what no hook follows.
    pub fn set_unfollowed(self, token: Token) {
        self.flag(token, UNFOLLOWED);
    }

    /// Hooks follow the process.
    pub fn set_followed(self, token: Token) {
        if let Some(record) = self.record(token) {
            record.flags.fetch_and(!UNFOLLOWED, SeqCst);
        }
    }

    /// Whether the process still runs the program that was forked, as far as hooks have seen.
    pub fn is_followed(self, token: Token) -> bool {
        self.record(token).is_some_and(|record| record.flags.load(SeqCst) & UNFOLLOWED == 0)
    }

    /// The process exists.
    pub fn set_exists(self, token: Token) {
        self.flag(token, EXISTS);
    }

    /// Whether the process exists or has existed, or may be made by a fork that began less than ten
    /// seconds ago. libc forks inside itself (`forkpty`), and does not say whether that has failed.
    pub fn may_exist(self, token: Token) -> bool {
        const LONGEST: u64 = 10;
        let Some(record) = self.record(token) else { return true };
        let flags = record.flags.load(SeqCst);
        let exists = flags & EXISTS != 0 || pid_of(record.word.load(SeqCst)).is_some();
        exists || u64::from(clock::seconds_since_boot()).wrapping_sub(flags >> 32) <= LONGEST
    }

    fn flag(self, token: Token, flag: u64) {
        if let Some(record) = self.record(token) {
            record.flags.fetch_or(flag, SeqCst);
        }
    }

    /// Some process has set an option that changes how a connection ends, or has made an MPTCP
    /// socket, which ends differently. A `vfork` child may call this: it stores to shared memory what
    /// is true of its parent as well.
    pub fn set_options(self) {
        if let Some(state) = self.state() {
            state.options.store(1, SeqCst);
        }
    }

    /// Whether [`Family::set_options`] was called; true where there is no memory.
    pub fn has_options(self) -> bool {
        self.state().is_none_or(|state| state.options.load(SeqCst) != 0)
    }

    /// A thread is about to take a descriptor of another process (`pidfd_getfd`), or has done so. A
    /// `vfork` child may call this, as [`Family::set_options`].
    pub fn takes(self, is_begin: bool) {
        if let Some(state) = self.state() {
            state.taking.fetch_add(if is_begin { 1 } else { u64::MAX }, SeqCst);
        }
    }

    /// Whether a thread of the family is taking a descriptor of another process.
    pub fn is_taking(self) -> bool {
        self.state().is_some_and(|state| state.taking.load(SeqCst) != 0)
    }

    /// Another program may have got a connection that has no slot. A `vfork` child may call this, as
    /// [`Family::set_options`].
    pub fn hand_on_uncounted(self) {
        if let Some(state) = self.state() {
            state.uncounted_handed_on.store(1, SeqCst);
        }
    }

    /// Whether [`Family::hand_on_uncounted`] was called.
    pub fn has_handed_on_uncounted(self) -> bool {
        self.state().is_some_and(|state| state.uncounted_handed_on.load(SeqCst) != 0)
    }

    /// How many slots were in use at some time.
    pub fn reach(self) -> usize {
        self.state().map_or(0, |state| state.reach.load(SeqCst).min(SLOTS as u64) as usize)
    }

    /// The first `reach` slots are, or were, in use.
    pub fn raise_reach(self, reach: u32) {
        let Some(state) = self.state() else { return };
        if state.reach.load(SeqCst) < u64::from(reach) {
            state.reach.fetch_max(u64::from(reach), SeqCst);
        }
    }

    /// Whether the token is that of process `pid` of namespace `here`; or, if `may_have_no_pid_yet`,
    /// has no pid yet.
    pub fn has_pid(self, token: Token, pid: Pid, here: Namespace, may_have_no_pid_yet: bool) -> bool {
        let Some(record) = self.record(token) else { return false };
        let word = record.word.load(SeqCst);
        let is_it = pid_of(word) == Some(pid) && record.namespace.load(SeqCst) == here.0;
        token_of(word) == token.raw() && (is_it || may_have_no_pid_yet && pid_of(word).is_none())
    }

    /// Takes back a token whose process has ended, or was never made.
    pub fn remove(self, token: Token) {
        let Some(record) = self.record(token) else { return };
        let word = record.word.load(SeqCst);
        if token_of(word) == token.raw() {
            // Where the token got its pid meanwhile, the process has ended all the same.
            let bound = record.word.compare_exchange(word, 0, SeqCst, SeqCst).err();
            if let Some(bound) = bound.filter(|&bound| token_of(bound) == token.raw()) {
                let _ = record.word.compare_exchange(bound, 0, SeqCst, SeqCst);
            }
        }
    }

    /// Whether the process may still hold descriptors. A token that has no pid yet is that of a fork
    /// under way, and counts as alive.
    pub fn is_alive(self, token: Token, here: Namespace) -> bool {
        let Some(record) = self.record(token) else { return true };
        let word = record.word.load(SeqCst);
        match token_of(word) {
            found if found == token.raw() => record.lives(here),
            // The token was removed, and its record may have been given to another process.
            _ => false,
        }
    }

    /// The pid of the process, once it is known, if its namespace is `here`.
    pub fn pid(self, token: Token, here: Namespace) -> Option<Pid> {
        let record = self.record(token)?;
        let word = record.word.load(SeqCst);
        let known = token_of(word) == token.raw() && record.namespace.load(SeqCst) == here.0;
        if known { pid_of(word) } else { None }
    }

    /// A new number for a pid namespace.
    pub fn new_namespace(self) -> Namespace {
        Namespace(self.state().map_or(0, |state| state.namespaces.fetch_add(1, SeqCst).wrapping_add(1)))
    }

    /// The family was founded `now`, in nanoseconds after boot, unless it was before. No other family
    /// that had this memory segment id was founded then.
    pub fn set_founded(self, now: u64) {
        if let Some(state) = self.state() {
            let _ = state.founded.compare_exchange(0, now.max(1), SeqCst, SeqCst);
        }
    }

    /// When the family was founded, in nanoseconds after boot; 0 before.
    pub fn founded(self) -> u64 {
        self.state().map_or(0, |state| state.founded.load(SeqCst))
    }

    /// Copies what the family knows as a whole to `other`, memory that no other process has yet.
    pub fn copy_to(self, other: Family<'_>) {
        let Some((from, to)) = self.state().zip(other.state()) else { return };
        from.all().into_iter().zip(to.all()).for_each(|(from, to)| to.store(from.load(SeqCst), SeqCst));
    }

    /// Copies the record of one process to `other`.
    pub fn copy_one_to(self, other: Family<'_>, token: Token) {
        let Some((from, to)) = self.record(token).zip(other.record(token)) else { return };
        to.namespace.store(from.namespace.load(SeqCst), SeqCst);
        to.flags.store(from.flags.load(SeqCst), SeqCst);
        to.word.store(from.word.load(SeqCst), SeqCst);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::shared::Reach;
    use rustix::process::{WaitId, WaitIdOptions, waitid};

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
        let token = family.register(HERE, 0).unwrap();
        assert!(family.is_alive(token, HERE));
        family.remove(token);
        assert!(!family.is_alive(token, HERE));
    }

    #[test]
    #[cfg_attr(miri, ignore = "processes")]
    fn a_zombie_of_ours_is_dead() {
        let memory = memory();
        let family = Family::of(&memory);
        let token = family.register(HERE, 0).unwrap();
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pid = Pid::from_raw(child.id() as i32).unwrap();
        family.set_pid(token, pid, HERE);
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
        let one = family.register(HERE, 0).unwrap();
        let two = family.register(HERE, 0).unwrap();
        assert!(one != two && one.raw() != 0 && two.raw() != 0);
    }

    #[test]
    fn a_child_that_has_no_pid_after_ten_seconds_does_not_exist() {
        let memory = memory();
        let family = Family::of(&memory);
        let [old, new] = [clock::seconds_since_boot() - 11, clock::seconds_since_boot()]
            .map(|since| family.register(HERE, since).unwrap());
        assert!(!family.may_exist(old) && family.may_exist(new));
        family.set_exists(old);
        assert!(family.may_exist(old));
    }

    #[test]
    fn a_record_that_is_used_again_is_followed() {
        let memory = memory();
        let family = Family::of(&memory);
        let token = family.register(HERE, 0).unwrap();
        family.set_unfollowed(token);
        assert!(!family.is_followed(token));
        family.remove(token);
        let again = (0..=MEMBERS).find_map(|_| {
            let next = family.register(HERE, 0).unwrap();
            let same = next.raw() as usize % MEMBERS == token.raw() as usize % MEMBERS;
            family.remove(next);
            same.then_some(next)
        });
        assert!(family.is_followed(again.unwrap()));
    }

    #[test]
    #[cfg_attr(miri, ignore = "processes")]
    fn a_process_of_another_pid_namespace_counts_as_alive() {
        let memory = memory();
        let family = Family::of(&memory);
        let token = family.register(HERE, 0).unwrap();
        // No process has this pid.
        family.set_pid(token, Pid::from_raw(i32::MAX).unwrap(), HERE);
        assert!(!family.is_alive(token, HERE));
        assert!(family.is_alive(token, family.new_namespace()));
    }
}

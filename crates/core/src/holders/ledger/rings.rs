//! Rings of `io_uring`, and whether they are harmless.
//!
//! A pending request holds the connection that it is for, and a half-close would cut it off. But libuv has a ring that
//! only ever changes epoll sets, in every program. So a ring is harmless as long as everything that was ever submitted
//! to it is known to be: `EPOLL_CTL`, which tells who watches as `epoll_ctl` does, and `NOP`. Anything else makes the
//! process blind for ever.
//!
//! - What is submitted through `syscall()` is looked at before the call ([`Owner::submitting`]).
//! - The kernel says how many requests it has taken. At each release of a connection that is compared with how many
//!   were looked at, and what is queued is looked at too: so a raw system call, or another process that has the ring,
//!   is noticed.
//! - What cannot be followed is no harmless ring: flags that are not known here, one more than there is room for, a
//!   duplicate, anything registered.
//! - A fork child is blind as long as it has a ring of its parent's: through it, it could submit for what both have,
//!   and so could the parent. The parent goes on: whatever the child submits is taken from the same queue.
//! - Rings that no hook has seen are looked for among the numbers, by the search for epoll sets ([`crate::holders::watch`]), from
//!   the first known ring on. Before, the kernel knows whether the thread has ever had one ([`crate::sys::ring`]).
//!
//! Assumed: nobody else writes to a queue between our look and the kernel's. A ring is a thread's own, as its queues
//! have no lock.
//!
//! Context: hooks of any kind; lock-free.

use super::{Joined, Ledger, Owner};
use crate::sys::Fd;
use crate::sys::region::Region;
use crate::sys::ring::{self, ENTER_REGISTERED};
use crate::sys::ring_memory::{NO_SQARRAY, Parameters, Request, RingMemory, View};
use crate::sys::thread;
use crate::zeroed;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};

/// Of so many rings at once this process keeps account; each thread of an event loop has one.
const MOST: usize = 64;

/// What changes neither who submits nor what, nor the size of an entry: CQSIZE, CLAMP, SUBMIT_ALL, COOP_TASKRUN,
/// TASKRUN_FLAG, SINGLE_ISSUER, DEFER_TASKRUN.
const KNOWN_FLAGS: u32 = 1 << 3 | 1 << 4 | 1 << 7 | 1 << 8 | 1 << 9 | 1 << 12 | 1 << 13 | NO_SQARRAY;
/// Both queues lie in one mapping.
const SINGLE_MMAP: u32 = 1;

const OP_NOP: u8 = 0;
const OP_EPOLL_CTL: u8 = 29;

zeroed! {
    /// One that this process has.
    struct Ring {
        /// Its descriptor, plus one; negative: inherited; 0: none.
        number: AtomicI32,
        /// So many of its requests were looked at.
        seen: AtomicU32,
        memory: RingMemory,
    }
}

impl Ring {
    /// Whether all requests were looked at that the kernel has taken, and those before number `end` are harmless.
    fn is_harmless(&self, view: &View<'_>, end: u32) -> bool {
        let (seen, taken) = (self.seen.load(SeqCst), view.taken());
        is_at_most(taken, seen) && between(taken, end, view).all(|at| view.request(at).is_some_and(is_harmless))
    }

    fn is(&self, fd: Fd) -> bool {
        self.number.load(SeqCst).unsigned_abs() == fd.raw() as u32 + 1
    }
}

/// Of two numbers that go round.
fn is_at_most(one: u32, other: u32) -> bool {
    other.wrapping_sub(one) as i32 >= 0
}

/// The numbers of requests that are queued.
fn between(from: u32, end: u32, view: &View<'_>) -> impl Iterator<Item = u32> + use<> {
    let count = if is_at_most(from, end) { end.wrapping_sub(from).min(view.capacity()) } else { 0 };
    (0..count).map(move |at| from.wrapping_add(at))
}

/// Without flags each request has one completion, and waits for no other. A `NOP` with flags may hold a file.
fn is_harmless(request: Request) -> bool {
    request.flags == 0
        && match request.operation {
            OP_NOP => request.operation_flags == 0,
            OP_EPOLL_CTL => true,
            _ => false,
        }
}

zeroed! {
    /// The thread that has made or used a ring which hooks have seen, the latest of those that share this place.
    struct User(AtomicU32);
}

/// Of so many threads it is known, if their numbers differ.
const USERS: usize = 4096;

/// All that this process has, as far as hooks have seen.
pub struct Rings {
    table: Region<Ring>,
    users: Region<User>,
    /// So many are being made: the kernel may have given one a number already.
    making: AtomicU32,
    /// One more than the highest place that was ever taken.
    end: AtomicU32,
    is_any: AtomicBool,
    is_any_inherited: AtomicBool,
    is_any_harmful: AtomicBool,
}

impl Rings {
    /// None.
    pub const fn new() -> Self {
        let [is_any, is_any_inherited, is_any_harmful] = [const { AtomicBool::new(false) }; 3];
        Self {
            table: Region::new(),
            users: Region::new(),
            making: AtomicU32::new(0),
            end: AtomicU32::new(0),
            is_any,
            is_any_inherited,
            is_any_harmful,
        }
    }

    /// Whether this process has had a harmless ring: then a ring that no hook has seen is to be looked for.
    pub fn is_any(&self) -> bool {
        self.is_any.load(SeqCst)
    }

    /// Whether `fd` is a ring that a hook has seen.
    pub fn knows(&self, fd: Fd) -> bool {
        self.is_any() && self.find(fd).is_some()
    }

    /// Whether `fd` is a ring that no hook has seen. To be asked only where there is [any](Self::is_any).
    pub fn is_unseen(&self, fd: Fd) -> bool {
        !self.knows(fd) && ring::is_one(fd)
    }

    /// Whether the thread has made or used a ring that hooks have seen.
    pub fn is_used_by(&self, thread: u32) -> bool {
        self.is_any() && self.users.get(thread as usize % USERS).is_some_and(|user| user.0.load(SeqCst) == thread)
    }

    fn note_user(&self) {
        let thread = thread::number();
        if let Some(user) = self.users.get(thread as usize % USERS) {
            user.0.store(thread, SeqCst);
        }
    }

    /// Whether a ring may have a number that no hook knows yet.
    pub fn is_any_being_made(&self) -> bool {
        self.making.load(SeqCst) != 0
    }

    /// Whether there is one that only the parent of this process can follow.
    pub fn has_inherited(&self) -> bool {
        self.is_any_inherited.load(SeqCst)
    }

    fn all(&self) -> impl Iterator<Item = &Ring> {
        self.first(self.end.load(SeqCst) as usize)
    }

    fn first(&self, count: usize) -> impl Iterator<Item = &Ring> {
        (0..count).filter_map(|at| self.table.get(at))
    }

    fn find(&self, fd: Fd) -> Option<&Ring> {
        self.all().find(|ring| ring.is(fd))
    }

    fn are_harmless(&self) -> bool {
        self.all().all(|ring| ring.memory.view().is_none_or(|view| ring.is_harmless(&view, view.written())))
    }

    /// Whether it can be followed from now on.
    fn made(&self, fd: Fd, parameters: &Parameters) -> bool {
        let can_be = parameters.flags & !KNOWN_FLAGS == 0 && parameters.features & SINGLE_MMAP != 0;
        if !can_be || !self.table.ensure(MOST) || !self.users.ensure(USERS) {
            return false;
        }
        self.find(fd).into_iter().for_each(|stale| self.forget(stale));
        self.note_user();
        self.first(MOST).enumerate().any(|(place, ring)| self.take(place, ring, fd, parameters))
    }

    /// False where it is taken, or another thread still reads what was there before.
    fn take(&self, place: usize, ring: &Ring, fd: Fd, parameters: &Parameters) -> bool {
        if ring.number.compare_exchange(0, fd.raw() + 1, SeqCst, SeqCst).is_err() {
            return false;
        }
        ring.seen.store(0, SeqCst);
        let is_filled = ring.memory.fill(fd, parameters);
        if is_filled {
            self.end.fetch_max(place as u32 + 1, SeqCst);
        } else {
            ring.number.store(0, SeqCst);
        }
        is_filled
    }

    fn forget(&self, ring: &Ring) {
        ring.memory.close();
        ring.number.store(0, SeqCst);
        self.is_any_inherited.store(self.all().any(|ring| ring.number.load(SeqCst) < 0), SeqCst);
    }

    /// The child has the numbers, and none of the memory.
    pub fn become_child(&self) {
        for ring in self.all() {
            let number = ring.number.load(SeqCst);
            ring.number.store(-number.abs(), SeqCst);
            ring.memory.forget();
            self.is_any_inherited.fetch_or(number != 0, SeqCst);
        }
        self.making.store(0, SeqCst);
    }
}

/// Requests that were looked at, while the kernel takes them.
pub struct Submission<'a> {
    ring: &'a Ring,
    view: View<'a>,
    from: u32,
    end: u32,
    /// Completions before.
    completed: u32,
}

/// A change of an epoll set that a request asks for.
#[derive(Clone, Copy)]
struct Change {
    set: Fd,
    operation: i32,
    fd: Fd,
    data: u64,
}

const ADD: i32 = 1;
const DEL: i32 = 2;
const MOD: i32 = 3;
const EEXIST: i32 = 17;

impl Submission<'_> {
    fn changes(&self, from: u32, end: u32) -> impl Iterator<Item = (u32, Change)> {
        between(from, end, &self.view).filter_map(|at| Some((at, change(self.view.request(at)?)?)))
    }

    /// The result of request number `at`, where all requests have come to one: those of this call, and those before.
    fn result(&self, at: u32, data: u64, taken: u32) -> Option<i32> {
        let completed = self.view.completed();
        if self.completed != self.from || completed != taken || !is_at_most(taken, self.end) {
            return None;
        }
        // As a rule they come in order.
        let mut all = core::iter::once(at).chain(between(self.from, taken, &self.view));
        all.find_map(|at| Some(self.view.completion(at)).filter(|&(of, _)| of == data).map(|(_, result)| result))
    }
}

fn change(request: Request) -> Option<Change> {
    let Request { operation, fd, offset, len, data, .. } = request;
    let change = || Some(Change { set: Fd::new(fd)?, operation: len as i32, fd: Fd::new(offset as i32)?, data });
    (operation == OP_EPOLL_CTL).then(change)?
}

impl<'a> Owner<'a> {
    /// What is known of rings.
    pub fn rings(self) -> &'a Rings {
        &self.0.rings
    }

    /// The program is about to make a ring.
    pub fn making_ring(self) {
        self.rings().making.fetch_add(1, SeqCst);
    }

    /// It has not made one.
    pub fn not_made_ring(self) {
        self.rings().making.fetch_sub(1, SeqCst);
    }

    /// The program has made ring `fd`; `None` where its parameters cannot be read.
    pub fn made_ring(self, fd: Fd, parameters: Option<Parameters>) {
        self.note_ring(fd, parameters);
        self.not_made_ring();
    }

    fn note_ring(self, fd: Fd, parameters: Option<Parameters>) {
        let rings = self.rings();
        if !parameters.is_some_and(|parameters| rings.made(fd, &parameters)) {
            self.has_harmful_ring();
        } else if !rings.is_any.swap(true, SeqCst) {
            self.0.sets.look_again();
        }
    }

    /// A ring does what nobody can follow, or may have done it.
    pub fn has_harmful_ring(self) {
        if !self.rings().is_any_harmful.swap(true, SeqCst) {
            self.blinded();
        }
    }

    /// The program is about to submit `count` requests to ring `number`, with these flags.
    ///
    /// Whoever is put into a set is noted: the call may have come to it before it returns.
    pub fn submitting(self, number: i32, count: u32, flags: u32) -> Option<Submission<'a>> {
        if self.rings().is_any_harmful.load(SeqCst) {
            return None;
        }
        if flags & ENTER_REGISTERED != 0 {
            self.has_harmful_ring();
            return None;
        }
        let fd = Fd::new(number)?;
        let submission = self.look(fd, count);
        match &submission {
            None if ring::is_one(fd) => self.has_harmful_ring(),
            None => {}
            Some(submission) => {
                let changes = submission.changes(submission.from, submission.end);
                changes.filter(|(_, change)| change.operation == ADD).for_each(|(_, Change { set, fd, .. })| {
                    self.joining(fd, set);
                });
                submission.ring.seen.store(submission.end, SeqCst);
            }
        }
        submission
    }

    fn look(self, fd: Fd, count: u32) -> Option<Submission<'a>> {
        let ring = self.rings().find(fd)?;
        let view = ring.memory.view()?;
        let (from, written, completed) = (view.taken(), view.written(), view.completed());
        let end = from.wrapping_add(count.min(written.wrapping_sub(from)));
        self.rings().note_user();
        ring.is_harmless(&view, end).then_some(Submission { ring, view, from, end, completed })
    }

    /// That call has returned. What it has not done counts as never meant; what it has begun
    /// and not ended, as being done for ever.
    pub fn submitted(self, submission: Submission<'_>) {
        let Submission { ring, view, from, end, .. } = &submission;
        let taken = view.taken();
        // What another thread has submitted meanwhile is its own to tell.
        let ours = if is_at_most(taken, *end) { taken } else { *end };
        for (at, change) in submission.changes(*from, ours) {
            self.changes(change, submission.result(at, change.data, taken));
        }
        if is_at_most(taken, *end) {
            let _ = ring.seen.compare_exchange(*end, taken, SeqCst, SeqCst);
            let unmade = submission.changes(taken, *end).filter(|(_, change)| change.operation == ADD);
            unmade.for_each(|(_, change)| self.joined(change.fd, Joined::No));
        }
    }

    fn changes(self, Change { set, operation, fd, .. }: Change, result: Option<i32>) {
        match (operation, result) {
            (ADD, Some(0)) => self.joined(fd, Joined::Now),
            (ADD, Some(result)) if result == -EEXIST => self.joined(fd, Joined::Before),
            (ADD, Some(_)) => self.joined(fd, Joined::No),
            (DEL, Some(0)) => self.left(fd),
            (MOD, Some(0) | None) if self.0.is_not_known_to_be_watched(fd) => self.found_in(fd, set),
            _ => {}
        }
    }

    /// Before a connection is given up: whether rings are still harmless.
    pub(super) fn look_at_rings(self) {
        if self.rings().is_any() && !self.rings().are_harmless() {
            self.has_harmful_ring();
        }
    }

    /// The program is about to close `fd`.
    pub fn closing_ring(self, fd: Fd) {
        let rings = self.rings();
        if let Some(ring) = rings.find(fd).filter(|_| rings.is_any()) {
            self.look_at_rings();
            rings.forget(ring);
        }
    }

    /// The same of a range of numbers.
    pub fn closing_rings(self, first: u32, last: u32) {
        let is_inside = |fd: &Fd| (first..=last).contains(&(fd.raw() as u32));
        let numbers = self.rings().all().map(|ring| ring.number.load(SeqCst).abs());
        numbers.filter_map(|number| Fd::new(number - 1)).filter(is_inside).for_each(|fd| self.closing_ring(fd));
    }

    /// `fd` has, or is about to get, another name, here or in another process.
    pub(super) fn copies_ring(self, fd: Fd) {
        if self.rings().knows(fd) {
            self.has_harmful_ring();
        }
    }
}

impl Ledger {
    /// Whether there is, or was, a ring that hooks have seen.
    pub fn has_rings(&self) -> bool {
        self.rings.is_any()
    }

    /// Whether `fd` is one.
    pub fn is_ring(&self, fd: Fd) -> bool {
        self.rings.knows(fd)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHANGE: Request =
        Request { operation: OP_EPOLL_CTL, flags: 0, fd: 5, offset: 7, len: 1, operation_flags: 0, data: 0 };

    #[test]
    fn only_what_changes_a_set_or_nothing_is_harmless() {
        const SEND: u8 = 26;
        let nothing = Request { operation: OP_NOP, ..CHANGE };
        assert!(is_harmless(CHANGE) && is_harmless(nothing));
        let harmful = [
            Request { operation: SEND, ..CHANGE },
            Request { flags: 1, ..CHANGE },
            Request { operation_flags: 2, ..nothing },
        ];
        assert!(!harmful.into_iter().any(is_harmless));
    }

    #[test]
    fn what_a_set_is_to_watch_is_told_by_its_offset() {
        let found = change(CHANGE).map(|change| (change.set.raw(), change.fd.raw(), change.operation));
        assert_eq!(found, Some((5, 7, ADD)));
        assert!(change(Request { fd: -1, ..CHANGE }).is_none());
    }

    #[test]
    fn counts_go_round() {
        assert!(is_at_most(u32::MAX, 2) && is_at_most(2, 2) && !is_at_most(2, u32::MAX));
    }
}

//! The sockets that are held after their close, and the thread that drains them.
//!
//! | file | one idea |
//! |---|---|
//! | [`gate`] | the word that hooks and the thread share |
//! | [`place`] | a place in the table, and links between places |
//! | [`stack`] | the free places |
//! | [`inbox`] | the offered places |
//! | [`numbers`] | whose each private number is |
//! | [`slot`] | one held socket |
//! | [`slots`] | the table; claim, offer, free |
//! | [`queue`] | the table in an order |
//! | [`hand_over`] | what a hook does: reserve, duplicate, commit or abandon |
//! | [`drainer`] | what the thread does: adopt, discard, end |
//! | [`grace`] | receive sides that are shut a moment later |
//!
//! The private descriptors are close-on-exec duplicates in the program's own
//! table, on high numbers. The program may close any of them without knowing
//! (`close_range`, a raw instruction) and put something else there: before every
//! use they are compared with the socket's cookie.

pub mod drainer;
pub mod gate;
pub mod grace;
pub mod hand_over;
pub mod inbox;
pub mod numbers;
pub mod place;
pub mod queue;
pub mod slot;
pub mod slots;
pub mod stack;

use crate::bounds::{End, Progress};
use crate::common::{Common, Ended};
use crate::ledger::{Ledger, Owner};
use crate::log::note::Note;
use crate::sys::Fd;
use crate::sys::bell::Bell;
use crate::sys::clock::Millis;
use crate::sys::poller::{A_FEW, Poller};
use crate::sys::region::{Region, Sharing};
use crate::sys::thread::{Room, ThreadId, is_known};
use crate::watch::has_unseen_set;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};
use gate::Gate;
use grace::Graces;
use parking_lot::Mutex;
use place::Place;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use slot::Slot;
use slots::Slots;

/// The state shared by the hooks and the thread.
pub struct Drain {
    common: &'static Common,
    ledger: &'static Ledger,
    slots: Slots,
    /// Of each place, where something may be told of it.
    notes: Region<Note>,
    gate: Gate,
    poller: AtomicI32,
    /// Where the private numbers begin.
    base: AtomicI32,
    /// Most sockets held.
    cap: AtomicU32,
    /// How many more may be held until the thread has evicted.
    slack: AtomicU32,
    /// Two, so that a new thread need not wait until the former one has let go
    /// of its stack. Only ever tried, never waited for.
    rooms: Mutex<[Room; 2]>,
    threads: [ThreadId; 2],
    generation: AtomicU32,
    /// Rung to cut the thread's rest short.
    bell: Bell,
    /// Rung for the first offer to a thread that holds nothing.
    doorbell: Bell,
    /// Rung when a drain has ended.
    ended: Bell,
    /// Sockets whose half-close is still to come.
    still_open: AtomicU32,
    dismissed: AtomicBool,
    exiting: AtomicBool,
    /// Whether there are epoll sets that no hook has seen: one of [`ASK`], [`NONE`] and
    /// [`SOME`]. Asked once for each life of the thread.
    unseen_sets: AtomicU32,
    /// The program has run out of descriptors.
    pressed: AtomicBool,
    graces: Graces,
    /// When the thread, which sleeps in epoll, wakes by itself; or [`AWAKE`].
    wakes_at: AtomicU32,
    /// The link of a place that is in the thread's set while it sleeps, and stays there.
    sentinel: AtomicU32,
}

/// What a hook brings to the thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guest {
    /// A socket to drain: of these there are only so many.
    Socket,
    /// A receive side to shut later; see [`grace`].
    Grace,
}

const ASK: u32 = 0;
const NONE: u32 = 1;
const SOME: u32 = 2;

/// The thread does not sleep in epoll.
const AWAKE: u32 = 0;
/// It is about to, and has not looked yet for how long.
const UNSURE: u32 = u32::MAX;

/// How many more than the cap may be held until the thread has evicted.
const SLACK: u32 = 64;
/// What is below, `select(2)` can use (`FD_SETSIZE`).
const BEYOND_SELECT: i32 = 1024;
/// A fork copies the kernel's table at no cost as long as it has no number beyond (`dup_fd`,
/// `NR_OPEN_DEFAULT`); a program of few descriptors does not come to the last of these.
const SMALL_TABLE: i32 = 64;
/// The largest cap.
const MOST: u32 = place::MOST - SLACK;

impl Drain {
    /// Nothing held, no thread, no memory.
    pub const fn new(common: &'static Common, ledger: &'static Ledger) -> Self {
        Self {
            common,
            ledger,
            slots: Slots::new(),
            notes: Region::new(Sharing::Private),
            gate: Gate::new(),
            poller: AtomicI32::new(-1),
            base: AtomicI32::new(i32::MAX),
            cap: AtomicU32::new(1),
            slack: AtomicU32::new(0),
            rooms: Mutex::new([Room::new(), Room::new()]),
            threads: [ThreadId::none(), ThreadId::none()],
            generation: AtomicU32::new(0),
            bell: Bell::new(),
            doorbell: Bell::new(),
            ended: Bell::new(),
            still_open: AtomicU32::new(0),
            dismissed: AtomicBool::new(false),
            exiting: AtomicBool::new(false),
            unseen_sets: AtomicU32::new(ASK),
            pressed: AtomicBool::new(false),
            graces: Graces::new(),
            wakes_at: AtomicU32::new(AWAKE),
            sentinel: AtomicU32::new(0),
        }
    }

    /// Sockets claimed or held, and graces: what the thread stays for.
    pub fn held(&self) -> u32 {
        self.gate.held()
    }

    /// Sockets claimed or held.
    fn sockets(&self) -> u32 {
        self.held().saturating_sub(self.graces.count())
    }

    /// Whether the thread sleeps in epoll, or is about to. Else it looks for offers before
    /// it does: who finds it awake after an offer need do no more.
    fn is_in_epoll(&self) -> bool {
        self.wakes_at.load(SeqCst) != AWAKE
    }

    /// Whether the thread would sleep beyond `due`.
    fn oversleeps(&self, due: Millis) -> bool {
        match self.wakes_at.load(SeqCst) {
            AWAKE => false,
            UNSURE => true,
            at => Millis(at).since(due) != 0,
        }
    }

    /// Whether the program uses epoll sets that no hook has seen.
    pub fn has_unseen_sets(&self, owner: Owner<'_>) -> bool {
        match self.unseen_sets.load(SeqCst) {
            ASK => self.look_for_sets(owner),
            answer => answer == SOME,
        }
    }

    /// While another thread starts the drain's, its set lies about, not signed yet: what
    /// is found then is true of this close alone.
    fn look_for_sets(&self, owner: Owner<'_>) -> bool {
        let life = || (self.gate.is_running(), self.generation.load(SeqCst));
        let before = life();
        let is_any = has_unseen_set(owner);
        if !is_any {
            self.unseen_sets.store(NONE, SeqCst);
        } else if before.0 && before == life() {
            self.unseen_sets.store(SOME, SeqCst);
        }
        is_any
    }

    /// Whether `fd` is a private descriptor, which the program does not know.
    pub fn owns(&self, fd: Fd) -> bool {
        !self.gate.is_shut() && (self.is_own_set(fd) || self.slots.owns(fd))
    }

    /// Whether `fd` is the thread's epoll set.
    #[inline]
    pub fn is_own_set(&self, fd: Fd) -> bool {
        fd.raw() == self.poller.load(SeqCst) && self.poller().is_some()
    }

    /// The lowest private number that is `from` or more.
    pub fn next_private(&self, from: u32) -> Option<Fd> {
        if self.gate.is_shut() {
            return None;
        }
        let poller = self.poller().map(Poller::fd).filter(|fd| fd.raw() as u32 >= from);
        poller.into_iter().chain(self.slots.next_number(from)).min()
    }

    /// What was held at this place is over: counts it, and tells of it. `fd` is the
    /// private descriptor, verified.
    fn over(&self, place: Place, slot: &Slot, fd: Option<Fd>, end: End) {
        let Progress { begun, discarded, .. } = slot.progress();
        let (strategy, note) = (slot.goodbye().name(), self.notes.get(place.index()));
        self.common.ended(Ended { fd, note, strategy, end, discarded, begun });
    }

    /// Where private numbers begin, and how many sockets may be held, by the
    /// limits of now.
    fn measure(&self) {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
        let limit = u32::try_from(limit.unwrap_or(u64::MAX)).unwrap_or(i32::MAX as u32);
        let Share { cap, slack, base } =
            share(limit, self.common.settings.max_pending.unwrap_or((limit / 4).min(4096)));
        self.cap.store(cap, SeqCst);
        self.slack.store(slack, SeqCst);
        self.base.store(base, SeqCst);
    }

    /// Before the first TCP socket of a process that has one thread: has the kernel's
    /// table of descriptors grow to what it will need. With several threads the kernel
    /// waits for all of them (`expand_fdtable`, `synchronize_rcu`), for milliseconds.
    pub fn make_room(&self, fd: Fd) {
        if self.common.is_single_threaded() {
            self.measure();
            let highest = self.number_of(self.room() as usize);
            fd.duplicate_from(highest).into_iter().for_each(Fd::close);
        }
    }

    fn number_of(&self, index: usize) -> i32 {
        self.base.load(SeqCst).saturating_add(index as i32)
    }

    fn poller(&self) -> Option<Poller> {
        Poller::verified(Fd::new(self.poller.load(SeqCst))?)
    }

    /// In a fork child: the private descriptors are closed, and there is no
    /// thread. Called before anything else runs in the child.
    pub fn become_child(&self) {
        self.slots.abandon_all(|index| self.number_of(index));
        if let Some(poller) = self.poller() {
            poller.fd().close();
        }
        self.poller.store(-1, SeqCst);
        self.threads.iter().for_each(ThreadId::forget);
        [&self.bell, &self.doorbell, &self.ended].into_iter().for_each(Bell::forget);
        self.still_open.store(0, SeqCst);
        self.dismissed.store(false, SeqCst);
        self.gate.forget();
        self.exiting.store(false, SeqCst);
        self.pressed.store(false, SeqCst);
        self.graces.forget();
        self.wakes_at.store(AWAKE, SeqCst);
        self.unseen_sets.store(ASK, SeqCst);
        self.open_rooms();
    }

    fn open_rooms(&self) {
        if self.rooms.is_locked() {
            // SAFETY: the thread that held it is not in this process, which has
            // only one; nobody can be inside.
            unsafe { self.rooms.force_unlock() };
        }
        if let Some(mut rooms) = self.rooms.try_lock() {
            rooms.iter_mut().for_each(Room::forget);
        }
    }

    /// The program is out of descriptors (`EMFILE`), and some of them are ours:
    /// has the thread give up half of them, and waits a moment for the first.
    /// False where nothing is held.
    pub fn relieve(&self) -> bool {
        const MOMENT_MS: u32 = 50;
        let seen = self.ended.count();
        if self.sockets() == 0 || !self.has_thread() {
            return false;
        }
        self.pressed.store(true, SeqCst);
        self.wake();
        self.ended.sleep(seen, MOMENT_MS);
        true
    }

    /// The program is about to do what a process with two threads cannot do, or
    /// what must reach every thread: has the thread end what it holds, by plain
    /// closes, and leave. Waits until it has, within a bound.
    pub fn dismiss(&self) {
        const PATIENCE_MS: u32 = 500;
        let deadline = Millis::now().plus(PATIENCE_MS);
        let in_time = || deadline.since(Millis::now()) != 0;
        let leaving = [0, 1].map(|turn: usize| self.threads.get(turn)?.get());
        self.dismissed.store(true, SeqCst);
        while self.has_thread() && in_time() {
            let seen = self.ended.count();
            self.wake();
            self.ended.sleep(seen, 1);
        }
        self.dismissed.store(false, SeqCst);
        // The kernel clears the id a little before it forgets the thread.
        while leaving.iter().flatten().any(|&thread| is_known(thread)) && in_time() {
            rustix::thread::sched_yield();
        }
        await_release();
    }

    /// Wakes the thread from its rest, from its leisure, or from epoll: there any
    /// socket of the set will do, adopted or not.
    fn wake(&self) {
        self.bell.ring();
        self.doorbell.ring();
        if let Some(poller) = self.poller() {
            let nudge = |(place, slot): (_, &Slot)| {
                slot.fd().is_some_and(|fd| poller.nudge(fd, slot.ticket(place), slot.goodbye().interest()).is_ok())
            };
            let sentinel = Place::from_link(self.sentinel.load(SeqCst));
            let first = sentinel.and_then(|place| Some((place, self.slots.at(place)?)));
            let _ = first.into_iter().chain(self.slots.offered()).any(nudge);
        }
    }

    /// At the end of the process: waits until nothing is held, or `deadline`.
    pub fn finish(&self, deadline: Millis) {
        self.exiting.store(true, SeqCst);
        self.wake();
        loop {
            let seen = self.ended.count();
            let left = deadline.since(Millis::now());
            if self.held() == 0 || left == 0 || !self.has_thread() {
                return;
            }
            self.ended.sleep(seen, left.min(100));
        }
    }

    /// The process has not ended after all.
    pub fn go_on(&self) {
        self.exiting.store(false, SeqCst);
    }

    /// Whether `tid` is that of the drain's own thread.
    pub fn runs_on(&self, tid: Pid) -> bool {
        self.threads.iter().any(|thread| thread.get() == Some(tid))
    }

    /// Whether the drain has one.
    pub fn has_thread(&self) -> bool {
        self.threads.iter().any(|thread| thread.get().is_some())
    }
}

/// A thread that `tgkill` no longer finds may still share the signal handlers, for
/// which `unshare` fails: the kernel forgets both under one lock (`release_task`),
/// and whoever looks at children takes it.
fn await_release() {
    let _ = waitid(WaitId::All, WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT);
}

/// What of the descriptor space is ours.
#[derive(Debug, PartialEq, Eq)]
struct Share {
    cap: u32,
    slack: u32,
    base: i32,
}

/// Private numbers lie at the end of the descriptor space, never in its lower
/// half, where the program counts on the lowest free number; but no higher than that
/// `select(2)` keeps its own: a fork copies the kernel's table up to the highest.
fn share(limit: u32, wanted: u32) -> Share {
    const POLLER_AND_MARGIN: u32 = A_FEW as u32;
    const HIGH_ENOUGH: u32 = BEYOND_SELECT as u32 + POLLER_AND_MARGIN;
    let room = (limit / 2).saturating_sub(POLLER_AND_MARGIN);
    let cap = wanted.min(MOST).min(room);
    let slack = cap.min(SLACK).min(room - cap);
    let base = limit.saturating_sub(cap + slack + POLLER_AND_MARGIN).max(limit / 2).min(HIGH_ENOUGH);
    Share { cap, slack, base: base as i32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_numbers_stay_in_the_upper_half() {
        assert_eq!(share(64, 16), Share { cap: 16, slack: 8, base: 32 });
        assert_eq!(share(1024, 256), Share { cap: 256, slack: 64, base: 696 });
        assert_eq!(share(1024, 65536), Share { cap: 504, slack: 0, base: 512 });
        assert_eq!(share(1 << 20, 4096), Share { cap: 4096, slack: 64, base: 1032 });
    }

    #[test]
    fn where_there_is_no_room_nothing_is_held() {
        assert_eq!(share(16, 4), Share { cap: 0, slack: 0, base: 8 });
        assert_eq!(share(6, 4), Share { cap: 0, slack: 0, base: 3 });
        assert_eq!(share(0, 0).cap, 0);
    }
}

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
//! | [`lingering`] | a close that waits, as `SO_LINGER{1,n}` asks |
//! | [`drainer`] | what the thread does: adopt, discard, end |
//! | [`dismissal`] | times without a thread of ours |
//! | [`callers`] | threads that may still be inside a call on a held socket |
//! | [`looks`] | what is known of all threads |
//! | [`threads`] | what the looker remembers of each |
//! | [`looker`] | the thread that looks at them, and at other processes |
//! | [`inquiries`] | what closers ask it |
//! | [`ports`] | local ports that are busy because of what is held |
//! | [`deferred_shutdown`] | receive sides that are shut a moment later |
//!
//! The private descriptors are close-on-exec duplicates in the program's own
//! table, on high numbers. The program may close any of them without knowing
//! (`close_range`, a raw instruction) and put something else there: before every
//! use they are compared with the socket's cookie.

pub mod callers;
pub mod deferred_shutdown;
pub mod dismissal;
pub mod drainer;
pub mod gate;
pub mod hand_over;
pub mod inbox;
pub mod inquiries;
pub mod lingering;
pub mod looker;
pub mod looks;
pub mod numbers;
pub mod place;
pub mod ports;
pub mod queue;
pub mod slot;
pub mod slots;
pub mod stack;
pub mod threads;

use crate::bounds::{End, Progress};
use crate::context::{Context, Ended};
use crate::holders::ledger::Ledger;
use crate::leftovers::held::Held;
use crate::log::note::Note;
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::event_count::EventCount;
use crate::sys::limit::{self, Limits};
use crate::sys::poller::{A_FEW, Poller};
use crate::sys::region::Region;
use crate::sys::signals::{self, Mask};
use crate::sys::thread::{ThreadId, is_known};
use crate::sys::thread_stack::ThreadStacks;
use core::sync::atomic::{AtomicBool, AtomicI32, AtomicU32, Ordering::SeqCst};
use deferred_shutdown::DeferredShutdowns;
use dismissal::Dismissals;
use gate::Gate;
use looker::Looker;
use place::Place;
use ports::Wanted;
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use slot::Slot;
use slots::Slots;

/// The state shared by the hooks and the thread.
pub struct Drain {
    context: &'static Context,
    ledger: &'static Ledger,
    slots: Slots,
    /// Of each place, where something may be told of it.
    notes: Region<Note>,
    gate: Gate,
    poller: AtomicI32,
    /// Where the private numbers begin.
    base: AtomicI32,
    /// How many there are below the soft limit, without a few that are kept for sets.
    below: AtomicU32,
    /// The soft limit, where they lie beyond it; else 0.
    beyond: AtomicU32,
    hard: AtomicU32,
    /// Most sockets held.
    cap: AtomicU32,
    /// How many more may be held until the thread has evicted.
    slack: AtomicU32,
    /// Two, so that a new thread need not wait until the former one has let go
    /// of its stack.
    stacks: ThreadStacks<2>,
    threads: [ThreadId; 2],
    generation: AtomicU32,
    /// Notified to cut the thread's rest short.
    wakeup: EventCount,
    /// Notified of the first offer to a thread that holds nothing.
    first_offer: EventCount,
    /// Notified when a drain has ended.
    ended: EventCount,
    dismissals: Dismissals,
    exiting: AtomicBool,
    /// Whether the thread is to leave all to the thread that ends the process: one of
    /// [`KEEP`], [`YIELD`] and [`YIELDED`].
    yielding: AtomicU32,
    /// The program has run out of descriptors.
    pressed: AtomicBool,
    wanted_port: Wanted,
    deferred: DeferredShutdowns,
    /// So many closes of the program's wait; see [`lingering`].
    lingering: AtomicU32,
    looker: Looker,
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
    /// A socket that a hook of the inline engine drains itself, without a thread.
    Apart,
    /// A receive side to shut later; see [`deferred_shutdown`].
    DeferredShutdown,
}

const KEEP: u32 = 0;
const YIELD: u32 = 1;
const YIELDED: u32 = 2;

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
    pub const fn new(context: &'static Context, ledger: &'static Ledger) -> Self {
        Self {
            context,
            ledger,
            slots: Slots::new(),
            notes: Region::new(),
            gate: Gate::new(),
            poller: AtomicI32::new(-1),
            base: AtomicI32::new(i32::MAX),
            below: AtomicU32::new(0),
            beyond: AtomicU32::new(0),
            hard: AtomicU32::new(0),
            cap: AtomicU32::new(1),
            slack: AtomicU32::new(0),
            stacks: ThreadStacks::new(),
            threads: [ThreadId::none(), ThreadId::none()],
            generation: AtomicU32::new(0),
            wakeup: EventCount::new(),
            first_offer: EventCount::new(),
            ended: EventCount::new(),
            dismissals: Dismissals::new(),
            exiting: AtomicBool::new(false),
            yielding: AtomicU32::new(KEEP),
            pressed: AtomicBool::new(false),
            wanted_port: Wanted::new(),
            deferred: DeferredShutdowns::new(),
            lingering: AtomicU32::new(0),
            looker: Looker::new(),
            wakes_at: AtomicU32::new(AWAKE),
            sentinel: AtomicU32::new(0),
        }
    }

    /// Sockets claimed or held, and deferred: what the thread stays for.
    pub fn held(&self) -> u32 {
        self.gate.held()
    }

    /// Sockets claimed or held.
    fn sockets(&self) -> u32 {
        self.held().saturating_sub(self.deferred.count())
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

    /// Whether the program has one thread.
    pub fn is_only_thread_of_program(&self) -> bool {
        self.context.is_single_threaded()
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
        let (strategy, note) = (slot.close_strategy().name(), self.notes.get(place.index()));
        self.context.ended(Ended { fd, note, strategy, end, discarded, begun });
    }

    /// Where private numbers begin, and how many sockets may be held, by the
    /// limits of now.
    fn measure(&self) {
        let limits = limit::of_numbers();
        let wanted = self.context.settings.max_pending.unwrap_or((limits.soft / 4).min(4096));
        let Share { cap, slack, base, below, beyond } = share(limits, wanted);
        self.cap.store(cap, SeqCst);
        self.slack.store(slack, SeqCst);
        self.base.store(base, SeqCst);
        self.below.store(below, SeqCst);
        self.beyond.store(if beyond { limits.soft } else { 0 }, SeqCst);
        self.hard.store(limits.hard, SeqCst);
    }

    /// Before the first TCP socket of a process that has one thread: has the kernel's
    /// table of descriptors grow to what it will need. With several threads the kernel
    /// waits for all of them (`expand_fdtable`, `synchronize_rcu`), for milliseconds.
    pub fn make_room(&self, fd: Fd) {
        if self.context.is_single_threaded() {
            self.measure();
            let signals = signals::hold();
            let highest = self.on_number(self.room() as usize, |number| fd.duplicate_from(number));
            highest.into_iter().for_each(Fd::close);
            signals.into_iter().for_each(Mask::let_in);
        }
    }

    /// The lowest number of the place with this index, where it is below the limit: there
    /// can be fewer of them than places.
    fn number_of(&self, index: usize) -> i32 {
        let turn = index % (self.below.load(SeqCst) as usize + 1);
        self.base.load(SeqCst).saturating_add(turn as i32)
    }

    /// The same where it is beyond the soft limit.
    fn number_beyond(&self, index: usize) -> Option<i32> {
        let soft = self.beyond.load(SeqCst);
        (soft != 0).then(|| (soft as i32).saturating_add(index as i32))
    }

    /// Makes a private descriptor: `make` is given the lowest number that it may have.
    /// Beyond the soft limit, if that is possible now; else below, within our share.
    fn on_number<T>(&self, index: usize, make: impl Fn(i32) -> Result<T, Errno>) -> Result<T, Errno> {
        if let Some(number) = self.number_beyond(index) {
            let limits = Limits { soft: self.beyond.load(SeqCst), hard: self.hard.load(SeqCst) };
            let to = limits.soft + self.room() + A_FEW as u32;
            if let Some(Ok(made)) = self.ledger.limit.above(limits, to, || make(number)) {
                return Ok(made);
            }
        }
        make(self.number_of(index))
    }

    fn poller(&self) -> Option<Poller> {
        Poller::verified(Fd::new(self.poller.load(SeqCst))?)
    }

    /// In a fork child: the private descriptors are closed, and there is no
    /// thread. Called before anything else runs in the child.
    pub fn become_child(&self) {
        let numbers_of = |index| [Some(self.number_of(index)), self.number_beyond(index)];
        self.slots.abandon_all(numbers_of, |fd| self.ledger.ended(fd));
        if let Some(poller) = self.poller() {
            poller.fd().close();
        }
        self.poller.store(-1, SeqCst);
        self.threads.iter().for_each(ThreadId::forget);
        [&self.wakeup, &self.first_offer, &self.ended].into_iter().for_each(EventCount::forget);
        self.dismissals.forget();
        self.gate.forget();
        self.exiting.store(false, SeqCst);
        self.yielding.store(KEEP, SeqCst);
        self.pressed.store(false, SeqCst);
        self.wanted_port.forget();
        self.deferred.forget();
        self.lingering.store(0, SeqCst);
        self.looker.forget();
        self.wakes_at.store(AWAKE, SeqCst);
        self.stacks.forget();
        self.ledger.limit.forget();
    }

    /// The program is out of descriptors (`EMFILE`), and some of them are ours:
    /// has the thread give up half of them, and waits a moment for the first.
    /// False where nothing is held.
    pub fn relieve(&'static self) -> bool {
        const MOMENT_MS: u32 = 50;
        let seen = self.ended.count();
        if !self.has_thread() || !self.is_in_the_way() {
            return false;
        }
        if self.sockets() == 0 {
            drop(self.dismiss());
            return true;
        }
        self.pressed.store(true, SeqCst);
        self.wake();
        self.ended.sleep(seen, MOMENT_MS);
        self.ended.count() != seen
    }

    /// Whether a private number is one that the program could have.
    fn is_in_the_way(&self) -> bool {
        let soft = self.beyond.load(SeqCst);
        soft == 0 || self.next_private(0).is_some_and(|fd| (fd.raw() as u32) < soft)
    }

    fn await_dismissal(&self) {
        const PATIENCE_MS: u32 = 500;
        let deadline = Millis::now().plus(PATIENCE_MS);
        let in_time = || deadline.since(Millis::now()) != 0;
        let mut leaving = [None; 3];
        while (self.has_thread() || self.gate.is_starting() || self.looker.is_starting()) && in_time() {
            let seen = self.ended.count();
            leaving.iter_mut().zip(self.own_threads()).for_each(|(id, now)| *id = now.or(*id));
            self.wake();
            self.looker.notify();
            self.ended.sleep(seen, 1);
        }
        // The kernel clears the id a little before it forgets the thread.
        while leaving.iter().flatten().any(|&thread| is_known(thread)) && in_time() {
            rustix::thread::sched_yield();
        }
        await_release();
    }

    /// The thread adopts what was offered now, and not when it has rested.
    fn hurry(&self) {
        if self.is_in_epoll() {
            self.wake();
        } else {
            // It looks for offers once more before it goes there.
            self.wakeup.notify();
        }
    }

    /// Wakes the thread from its rest, from its leisure, or from epoll: there any
    /// socket of the set will do, adopted or not.
    fn wake(&self) {
        /// It sleeps for half a second at most.
        const FEW: usize = 256;
        self.wakeup.notify();
        self.first_offer.notify();
        if let Some(poller) = self.poller() {
            let nudge = |(place, slot): (_, &Slot)| {
                let fd = slot.fd().filter(|_| !slot.has_no_room());
                fd.is_some_and(|fd| poller.nudge(fd, slot.ticket(place), slot.interest()).is_ok())
            };
            let sentinel = Place::from_link(self.sentinel.load(SeqCst));
            let first = sentinel.and_then(|place| Some((place, self.slots.at(place)?)));
            let _ = first.into_iter().chain(self.slots.offered().take(FEW)).any(nudge);
        }
    }

    /// At the end of the process: the thread leaves, and `take` gets all that is held.
    pub fn surrender(&self, mut take: impl FnMut(Held<'_>)) {
        if self.sockets() == 0 {
            return;
        }
        self.have_thread_yield();
        for (place, slot) in self.slots.offered() {
            let Some(fd) = slot.verified() else {
                self.over(place, slot, None, End::Lost);
                continue;
            };
            let (role, strategy, is_open) = (slot.role(), slot.close_strategy().name(), slot.is_still_open());
            take(Held { fd, role, strategy, is_open, progress: slot.progress(), note: self.notes.get(place.index()) });
        }
    }

    /// Whether the thread is to leave as it stands.
    fn is_yielding(&self) -> bool {
        self.yielding.load(SeqCst) != KEEP
    }

    /// The thread leaves, and touches nothing any more.
    fn has_yielded(&self) {
        if self.is_yielding() {
            self.yielding.store(YIELDED, SeqCst);
            self.ended.notify();
        }
    }

    /// A thread that gets no processor is not waited for: whatever is used is verified.
    fn have_thread_yield(&self) {
        const PATIENCE_MS: u32 = 20;
        let deadline = Millis::now().plus(PATIENCE_MS);
        self.yielding.store(YIELD, SeqCst);
        while self.has_thread() && self.yielding.load(SeqCst) == YIELD && deadline.since(Millis::now()) != 0 {
            let seen = self.ended.count();
            self.wake();
            if self.yielding.load(SeqCst) == YIELD {
                self.ended.sleep(seen, 5);
            }
        }
    }

    /// Before another program: waits until nothing is held, or `deadline`.
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

    /// Whether `tid` is that of a thread of ours.
    pub fn runs_on(&self, tid: Pid) -> bool {
        self.own_threads().contains(&Some(tid))
    }

    /// Whether there is one.
    pub fn has_thread(&self) -> bool {
        self.own_threads().iter().any(Option::is_some)
    }

    fn own_threads(&self) -> [Option<Pid>; 3] {
        let [one, other] = &self.threads;
        [one.get(), other.get(), self.looker.thread()]
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
    below: u32,
    /// Whether private numbers lie beyond the soft limit.
    beyond: bool,
}

/// Private numbers lie right beyond the soft limit, where the hard limit allows it, and
/// take nothing from the program. Else they lie at the end of the descriptor space, never
/// in its lower half, where the program counts on the lowest free number; but no higher
/// than that `select(2)` keeps its own: a fork copies the kernel's table up to the highest.
fn share(limits: Limits, wanted: u32) -> Share {
    const POLLER_AND_MARGIN: u32 = A_FEW as u32;
    const HIGH_ENOUGH: u32 = BEYOND_SELECT as u32 + POLLER_AND_MARGIN;
    /// Beyond that, what may be held is little of it, and the kernel's table long.
    const SMALL: u32 = 8192;
    let Limits { soft, hard } = limits;
    let wanted = wanted.min(MOST);
    let within = (soft / 2).saturating_sub(POLLER_AND_MARGIN);
    let beyond = soft <= SMALL && hard.saturating_sub(soft) > wanted + SLACK + POLLER_AND_MARGIN;
    let room = if beyond { wanted + SLACK } else { within };
    let cap = wanted.min(room);
    let slack = cap.min(SLACK).min(room - cap);
    let needed = if beyond { within } else { cap + slack };
    let base = soft.saturating_sub(needed + POLLER_AND_MARGIN).max(soft / 2).min(HIGH_ENOUGH);
    Share { cap, slack, base: base as i32, below: needed, beyond }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fixed(limit: u32, wanted: u32) -> Share {
        share(Limits { soft: limit, hard: limit }, wanted)
    }

    #[test]
    fn private_numbers_stay_in_the_upper_half() {
        let beyond = false;
        assert_eq!(fixed(64, 16), Share { cap: 16, slack: 8, base: 32, below: 24, beyond });
        assert_eq!(fixed(1024, 256), Share { cap: 256, slack: 64, base: 696, below: 320, beyond });
        assert_eq!(fixed(1024, 65536), Share { cap: 504, slack: 0, base: 512, below: 504, beyond });
        assert_eq!(fixed(1 << 20, 4096), Share { cap: 4096, slack: 64, base: 1032, below: 4160, beyond });
    }

    #[test]
    fn where_there_is_no_room_nothing_is_held() {
        let beyond = false;
        assert_eq!(fixed(16, 4), Share { cap: 0, slack: 0, base: 8, below: 0, beyond });
        assert_eq!(fixed(6, 4), Share { cap: 0, slack: 0, base: 3, below: 0, beyond });
        assert_eq!(fixed(0, 0).cap, 0);
    }

    #[test]
    fn private_numbers_lie_beyond_a_small_soft_limit() {
        let limits = Limits { soft: 1024, hard: 1 << 20 };
        assert_eq!(share(limits, 256), Share { cap: 256, slack: 64, base: 512, below: 504, beyond: true });
        assert!(!share(Limits { soft: 1 << 16, ..limits }, 4096).beyond);
        assert!(!share(Limits { hard: 1100, ..limits }, 256).beyond);
    }
}

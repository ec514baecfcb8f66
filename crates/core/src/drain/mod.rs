//! The sockets that are held after their close, and the threads that see to them.
//!
//! How a held socket travels:
//!
//! 1. A hook is about to let the program close a connection. It *reserves*: it claims a place in
//!    the table of held sockets, starts the drainer where there is none, and duplicates the
//!    descriptor to a private number ([`hand_over`], [`claim`], [`start`]).
//! 2. The program's own call closes its number. The hook begins the close, as the strategy does
//!    it (mostly a half-close), and *offers* the place ([`offer`]).
//! 3. The drainer *adopts* the place: it takes it into its queues, and into its epoll set where
//!    the connection goes on ([`draining`]).
//! 4. In each turn the drainer *steps* the sockets that are ready: the strategy discards what
//!    has come in. Where a thread of the program may still be inside a call on the connection,
//!    the drainer first finds out ([`callers`], by looks of the [`looking`] thread).
//! 5. The drain *ends* by the peer's FIN, by an error or by a bound: the private number is closed
//!    and the place is free. With nothing held for a second, the drainer leaves.
//!
//! Above the state ([`Drain`]) are the files that act on it, from top to bottom:
//!
//! | file | one idea |
//! |---|---|
//! | [`hand_over`] | what a hook does with one socket: reserve, then commit or abandon |
//! | [`deferred_shutdown`] | a hook defers the shutdown of a receive side |
//! | [`claim`] | a hook counts one more socket, and claims a place |
//! | [`start`] | a hook starts the drainer |
//! | [`draining`] | the drainer's thread: adopt, step, end |
//! | [`lingering`] | a close that waits, as `SO_LINGER{1,n}` asks |
//! | [`offer`] | a hook hands a place to the drainer |
//! | [`take_back`] | a place or an offer that no drainer will take |
//! | [`due_shutdowns`] | deferred shutdowns are done |
//! | [`ports`] | held sockets give up a local port that the program needs |
//! | [`looking`] | the looker's thread: it reads procfs |
//! | [`callers`] | may a thread of the program still be inside a call on a held socket? |
//! | [`surrender`] | the end of the process |
//! | [`pressure`] | the program has run out of descriptors |
//! | [`dismissal`] | for a while there must be no thread of ours |
//! | [`wake`] | a hook wakes the drainer |
//!
//! Below are the parts of the state:
//!
//! | file | one idea |
//! |---|---|
//! | [`drainer`] | what the drainer shares with the hooks: gate, ids, epoll set |
//! | [`demands`] | what hooks demand of the drainer |
//! | [`private_numbers`] | where private descriptor numbers lie, and how many there may be |
//! | [`calm`] | nothing was held between two moments |
//! | [`chance`] | whether a close may try to drain in place |
//! | [`table`] | the table of held sockets |
//! | [`looker`] | what the looker shares with the drainer and the hooks, which ask it |
//!
//! Private descriptors are close-on-exec duplicates in the program's own table, on high numbers.
//! The program may close any of them without knowing (by `close_range`, by a raw system call) and
//! open something else there. So before every use the `SO_COOKIE` behind the number is compared
//! with that of the held socket.

pub mod callers;
pub mod calm;
mod chance;
pub mod claim;
pub mod deferred_shutdown;
pub mod demands;
pub mod dismissal;
pub mod drainer;
pub mod draining;
pub mod due_shutdowns;
pub mod hand_over;
pub mod lingering;
pub mod looker;
pub mod looking;
pub mod offer;
pub mod ports;
pub mod pressure;
pub mod private_numbers;
pub mod start;
pub mod surrender;
pub mod table;
pub mod take_back;
pub mod wake;

use crate::bounds::{End, Progress};
use crate::context::{Context, Ended};
use crate::holders::ledger::Ledger;
use crate::sys::Fd;
use crate::sys::poller::Poller;
use crate::sys::signals::{self, Mask};
use calm::Calm;
use chance::Chance;
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};
use demands::Demands;
use drainer::Drainer;
use looker::Looker;
use private_numbers::PrivateNumbers;
use rustix::process::Pid;
use table::held_socket::HeldSocket;
use table::held_sockets::HeldSockets;
use table::place::Place;

/// All that is held after its close in one process. The hooks and our threads share it. Every
/// method is async-signal-safe, and none waits for a lock.
pub struct Drain {
    context: &'static Context,
    ledger: &'static Ledger,
    sockets: HeldSockets,
    numbers: PrivateNumbers,
    drainer: Drainer,
    demands: Demands,
    looker: Looker,
    /// How many claims there were, each counted before it is made and once more afterwards.
    claims: AtomicU32,
    chance: Chance,
}

impl Drain {
    /// Nothing held, no thread, no memory.
    pub const fn new(context: &'static Context, ledger: &'static Ledger) -> Self {
        Self {
            context,
            ledger,
            sockets: HeldSockets::new(),
            numbers: PrivateNumbers::new(),
            drainer: Drainer::new(),
            demands: Demands::new(),
            looker: Looker::new(),
            claims: AtomicU32::new(0),
            chance: Chance::new(),
        }
    }

    /// After a fork, in the parent: one close may try to drain in place, unless that was tried in vain.
    pub fn give_chance(&self) {
        self.chance.give();
    }

    /// Whether this close may try to drain in place. Where a thread has been started, it leaves the sooner.
    pub fn takes_chance(&self) -> bool {
        self.chance.take()
    }

    /// It was not tried in vain.
    pub fn wins_chance(&self) {
        self.chance.win();
    }

    /// It was tried in vain.
    pub fn loses_chance(&self) {
        self.chance.lose();
    }

    /// How many sockets are claimed or held, plus how many shutdowns are deferred. The drainer
    /// stays as long as there are any.
    pub fn held(&self) -> u32 {
        self.drainer.gate.held()
    }

    /// How many sockets are claimed or held.
    fn held_sockets(&self) -> u32 {
        self.held().saturating_sub(self.demands.deferred.count())
    }

    /// Whether `fd` is a private descriptor, of which the program does not know.
    pub fn owns(&self, fd: Fd) -> bool {
        !self.drainer.gate.is_shut() && (self.is_own_set(fd) || self.sockets.owns(fd))
    }

    /// Whether `fd` is the drainer's epoll set.
    #[inline]
    pub fn is_own_set(&self, fd: Fd) -> bool {
        self.drainer.set.is(fd)
    }

    /// The lowest private number that is `from` or more.
    pub fn next_private(&self, from: u32) -> Option<Fd> {
        if self.drainer.gate.is_shut() {
            return None;
        }
        let set = self.drainer.set.get().map(Poller::fd).filter(|fd| fd.raw() as u32 >= from);
        set.into_iter().chain(self.sockets.next_number(from)).min()
    }

    /// Whether `tid` is the id of a thread of ours.
    pub fn runs_on(&self, tid: Pid) -> bool {
        self.own_threads().contains(&Some(tid))
    }

    /// Whether there is a thread of ours.
    pub fn has_thread(&self) -> bool {
        self.own_threads().iter().any(Option::is_some)
    }

    fn own_threads(&self) -> [Option<Pid>; 3] {
        let [one, other] = self.drainer.threads.ids();
        [one, other, self.looker.thread()]
    }

    /// Before the first TCP socket of a process that has one thread: makes the kernel's
    /// descriptor table grow to what it will need. In a process with several threads the kernel
    /// waits for all of them, for milliseconds (`expand_fdtable`, `synchronize_rcu`).
    pub fn make_room(&self, fd: Fd) {
        if self.context.is_single_threaded() {
            self.measure_numbers();
            let signals = signals::hold();
            let highest = self.private_duplicate(fd, self.numbers.room() as usize);
            highest.into_iter().for_each(Fd::close);
            signals.into_iter().for_each(Mask::let_in);
        }
    }

    /// Plans the private numbers by the limits of now.
    fn measure_numbers(&self) {
        self.numbers.measure(self.context.settings.max_pending);
    }

    /// Duplicates `fd` to a private number for the place with this index.
    fn private_duplicate(&self, fd: Fd, index: usize) -> Result<Fd, rustix::io::Errno> {
        self.numbers.make(&self.ledger.limit, index, |number| fd.duplicate_from(number))
    }

    /// Counts the end of a drain, and reports it; `fd` is the private descriptor, verified.
    fn report_end(&self, place: Place, held: &HeldSocket, fd: Option<Fd>, end: End) {
        let Progress { begun, discarded, .. } = held.progress();
        let (strategy, note) = (held.close_strategy().name(), self.sockets.note(place));
        self.context.ended(Ended { fd, note, strategy, end, discarded, begun: Some(begun) });
    }

    /// Before a fork, and in the child: the same number, if nothing is held now. Where both agree, nothing
    /// was held in between, so that the child has no copy of a private descriptor.
    pub fn calm(&self) -> Option<Calm> {
        let claims = self.claims.load(SeqCst);
        (self.held() == 0).then_some(Calm::after(claims))
    }

    /// To be called in a fork child before anything else runs there: closes its copies of the
    /// private descriptors. No thread of ours is there. `calm_before` was asked before the fork.
    pub fn become_child(&self, calm_before: Option<Calm>) {
        let numbers_of = |index| [Some(self.numbers.number_of(index)), self.numbers.number_beyond(index)];
        if self.calm() == calm_before && calm_before.is_some() {
            self.sockets.forget();
        } else {
            self.sockets.abandon_all(numbers_of, |fd| self.ledger.ended(fd));
        }
        if let Some(set) = self.drainer.set.get() {
            set.fd().close();
        }
        self.drainer.forget();
        self.demands.forget();
        self.looker.forget();
        self.ledger.limit.forget();
        self.chance.begin();
    }
}

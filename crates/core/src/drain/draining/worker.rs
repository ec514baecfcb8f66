//! What the drainer's thread keeps to itself from turn to turn.

use super::waiting::Waiting;
use crate::bounds::Bounds;
use crate::drain::Drain;
use crate::drain::looker::thread_looks::ThreadLooks;
use crate::drain::table::flags::Flag;
use crate::drain::table::held_socket::HeldSocket;
use crate::drain::table::place::Place;
use crate::drain::table::queue::Queue;
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::poller::Poller;

/// How long the drainer rests between two turns, in milliseconds.
pub(super) const TICK_MS: u32 = 5;
/// How often a process that ends looks for sockets that need no more waiting, in milliseconds.
pub(super) const EXIT_TICK_MS: u32 = 20;

/// The thread at work. What it does is in the files of [`super`], by idea.
pub struct Worker {
    pub(super) drain: &'static Drain,
    /// The number of the epoll set.
    pub(super) set: Fd,
    /// Sockets whose strategy reads, in the order of the peer's last sign of life.
    pub(super) by_activity: Queue,
    /// All sockets, in the order in which their drains began.
    pub(super) by_age: Queue,
    /// Sockets whose strategy postpones the begin of the close, in the order in which it is due.
    pub(super) postponed: Queue,
    /// Sockets of which a thread of the program may still make use.
    pub(super) waiting: Waiting,
    /// When a process that ends looks next for sockets that need no more waiting.
    pub(super) next_quiet_check: Millis,
    /// When a drain has last ended.
    pub(super) idle_since: Millis,
    /// Bytes discarded in this turn.
    pub(super) discarded: u64,
}

impl Worker {
    pub(super) fn new(drain: &'static Drain, set: Fd) -> Self {
        Self {
            drain,
            set,
            by_activity: Queue::new(|held| &held.by_activity),
            by_age: Queue::new(|held| &held.by_age),
            postponed: Queue::new(|held| &held.by_postponement),
            waiting: Waiting::new(),
            next_quiet_check: Millis::now(),
            idle_since: Millis::now(),
            discarded: 0,
        }
    }

    /// The held socket at a place.
    pub(super) fn at(&self, place: Place) -> Option<&'static HeldSocket> {
        self.drain.sockets.at(place)
    }

    /// What the looks at threads have told.
    pub(super) fn looks(&self) -> Option<&'static ThreadLooks> {
        self.drain.looker.thread_looks()
    }

    /// The epoll set, unless the program has closed it.
    pub(super) fn own_set(&self) -> Option<Poller> {
        Poller::verified(self.set)
    }

    /// The bounds of a drain.
    pub(super) fn bounds(&self, held: &HeldSocket) -> Bounds {
        held.close_strategy().bounds(self.drain.context.settings, held.role())
    }

    /// The next place in the order of age.
    pub(super) fn after_by_age(&self, place: Place) -> Option<Place> {
        self.by_age.after(&self.drain.sockets, place)
    }

    /// Has the epoll set report the next event of a socket, which may be in the set already.
    pub(super) fn watch(&self, place: Place, held: &HeldSocket, fd: Fd) {
        let Some(set) = self.own_set() else { return };
        let (ticket, interest) = (held.ticket(place), held.interest());
        let add = || set.add(fd, ticket, interest, false);
        let _ = if held.set(Flag::Watched) { set.set(fd, ticket, interest).or_else(|_| add()) } else { add() };
    }

    /// The peer has given a sign of life.
    pub(super) fn note_activity(&mut self, place: Place) {
        self.by_activity.remove(&self.drain.sockets, place);
        self.by_activity.push(&self.drain.sockets, place);
    }
}

//! The gate between the hooks and the drainer, with the inbox behind it: no socket is ever handed
//! to a thread that has left, or that fails to start.

use crate::drain::drainer::gate::Gate;
use crate::drain::table::inbox::Inbox;
use crate::drain::table::place::Place;
use crate::explore;
use crate::sync::AtomicU32;
use loom::thread::{self, JoinHandle};
use std::sync::Arc;
use std::sync::atomic::AtomicU32 as Tally;
use std::sync::atomic::Ordering::SeqCst;

struct Drain {
    gate: Gate,
    offers: Inbox,
    next: [AtomicU32; HOOKS],
    ended: [Tally; HOOKS],
    threads: Tally,
    /// How many attempts to start a thread fail.
    refusals: Tally,
}

const HOOKS: usize = 2;

impl Drain {
    fn new(refusals: u32) -> Arc<Self> {
        let (next, ended, threads) = Default::default();
        let refusals = Tally::new(refusals);
        let drain = Self { gate: Gate::new(), offers: Inbox::new(), next, ended, threads, refusals };
        assert!(drain.gate.is_shut());
        drain.offers.forget();
        Arc::new(drain)
    }

    /// As a hook does: enters, starts the thread where there is none, offers.
    fn close(self: &Arc<Self>, place: usize) -> Option<JoinHandle<()>> {
        let idle = self.gate.enter(true, |_, _| Ok::<_, ()>(())).unwrap();
        let thread = if idle { self.start() } else { None };
        if idle && thread.is_none() {
            self.ended[place].fetch_add(1, SeqCst);
            return None;
        }
        self.offers.put(Place::new(place as u32), &self.next[place]);
        if self.gate.is_idle() {
            self.take_offers();
        }
        thread
    }

    fn start(self: &Arc<Self>) -> Option<JoinHandle<()>> {
        if self.refusals.load(SeqCst) != 0 {
            self.refusals.fetch_sub(1, SeqCst);
            self.gate.not_started();
            self.take_offers();
            return None;
        }
        let drain = self.clone();
        let thread = thread::spawn(move || drain.run());
        self.gate.started();
        Some(thread)
    }

    fn take_offers(&self) {
        self.offers.take(
            |place| self.next.get(place.index()),
            |place| {
                self.ended[place.index()].fetch_add(1, SeqCst);
                self.gate.one_less();
            },
        );
    }

    /// As the thread does: adopts, ends, and leaves as soon as it may.
    fn run(&self) {
        assert_eq!(self.threads.fetch_add(1, SeqCst), 0, "two threads");
        loop {
            self.take_offers();
            if self.gate.held() == 0 && self.leave() {
                return;
            }
            thread::yield_now();
        }
    }

    /// The thread counts as gone before the next can come.
    fn leave(&self) -> bool {
        self.threads.fetch_sub(1, SeqCst);
        self.gate.leave() || {
            self.threads.fetch_add(1, SeqCst);
            false
        }
    }
}

/// Two hooks close at once; in the end everything has ended, once.
fn close_twice(refusals: u32) {
    let drain = Drain::new(refusals);
    let other = drain.clone();
    let other = thread::spawn(move || other.close(1));
    let mine = drain.close(0);
    let theirs = other.join().unwrap();
    [mine, theirs].into_iter().flatten().for_each(|thread| thread.join().unwrap());
    assert!(drain.gate.is_shut(), "something is held, and there is no thread");
    assert!(drain.ended.iter().all(|ended| ended.load(SeqCst) == 1));
}

#[test]
fn no_socket_is_handed_to_a_thread_that_has_left() {
    explore(|| close_twice(0));
}

#[test]
fn no_socket_is_handed_to_a_thread_that_fails_to_start() {
    explore(|| close_twice(1));
    explore(|| close_twice(2));
}

//! The word between the hooks and the drainer's thread, with the offers behind it:
//! no socket is ever handed to a thread that has left.

use crate::drain::gate::Gate;
use crate::drain::inbox::Inbox;
use crate::drain::place::Place;
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
    drained: [Tally; HOOKS],
    threads: Tally,
}

const HOOKS: usize = 2;

impl Drain {
    fn new() -> Arc<Self> {
        let (next, drained, threads) = Default::default();
        let drain = Self { gate: Gate::new(), offers: Inbox::new(), next, drained, threads };
        assert!(drain.gate.is_shut());
        drain.offers.forget();
        Arc::new(drain)
    }

    /// As a hook does: enters, starts the thread where there is none, offers.
    fn close(self: &Arc<Self>, place: usize) -> Option<JoinHandle<()>> {
        let thread = self.enter();
        self.offers.put(Place::new(place as u32), &self.next[place]);
        thread
    }

    fn enter(self: &Arc<Self>) -> Option<JoinHandle<()>> {
        let idle = self.gate.enter(|_, _| Ok::<_, ()>(())).unwrap();
        idle.then(|| {
            let drain = self.clone();
            let thread = thread::spawn(move || drain.run());
            self.gate.started();
            thread
        })
    }

    /// As the thread does: adopts, ends, and leaves as soon as it may.
    fn run(&self) {
        assert_eq!(self.threads.fetch_add(1, SeqCst), 0, "two threads");
        loop {
            self.offers.take(
                |place| self.next.get(place.index()),
                |place| {
                    self.drained[place.index()].fetch_add(1, SeqCst);
                    self.gate.one_less();
                },
            );
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

fn finish(drain: &Drain, threads: impl IntoIterator<Item = Option<JoinHandle<()>>>) {
    threads.into_iter().flatten().for_each(|thread| thread.join().unwrap());
    assert!(drain.gate.is_shut(), "something is held, and there is no thread");
    assert!(drain.drained.iter().all(|drained| drained.load(SeqCst) == 1));
}

#[test]
fn no_socket_is_handed_to_a_thread_that_has_left() {
    explore(|| {
        let drain = Drain::new();
        let other = drain.clone();
        let other = thread::spawn(move || other.close(1));
        let mine = drain.close(0);
        let theirs = other.join().unwrap();
        finish(&drain, [mine, theirs]);
    });
}

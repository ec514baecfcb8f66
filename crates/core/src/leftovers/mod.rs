//! What a process leaves open, finished all at the same time: at its end, and before it becomes
//! another program.
//!
//! Context: the thread that ends the process. It waits, within bounds. No allocation: the list is
//! mapped.

pub mod held;
mod open;

use crate::bounds::End;
use crate::bounds::Progress;
use crate::context::{Context, Ended};
use crate::discard::Step;
use crate::events::wait;
use crate::quiet::is_quiet;
use crate::settings::Strategy;
use crate::sys::Fd;
use crate::sys::clock::{Millis, timespec};
use crate::sys::poller::{BATCH, Interest, Poller};
use crate::sys::region::Region;
use crate::sys::socket::{self, Role};
use core::sync::atomic::Ordering::Relaxed;
use held::Held;
use open::{Open, STILL_OPEN};
use softclose_finisher::task::Task;

/// The sockets that a process leaves open.
pub struct Leftovers<'a> {
    context: &'a Context,
    /// Most processes have one connection at most, which needs no mapped memory.
    first: Open,
    others: Region<Open>,
    count: usize,
    left: usize,
    /// Another program begins the close of each, when this process has gone.
    is_for_another: bool,
}

impl<'a> Leftovers<'a> {
    /// An empty list with room for `most` sockets.
    pub fn with_room(most: usize, context: &'a Context) -> Self {
        let others = Region::new();
        if most > 1 {
            others.ensure(most - 1);
        }
        Self { context, first: Open::default(), others, count: 0, left: 0, is_for_another: false }
    }

    /// The same for sockets that stay as they are until `softclose-drain` takes them over.
    pub fn for_another(most: usize, context: &'a Context) -> Self {
        Self { is_for_another: true, ..Self::with_room(most, context) }
    }

    /// Whether `softclose-drain` must wait for the end of this process before it touches them.
    pub fn are_for_another(&self) -> bool {
        self.is_for_another
    }

    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.left == 0
    }

    /// How many are left.
    pub fn len(&self) -> usize {
        self.left
    }

    /// Counts a drain of `fd`, begins the close by the strategy, and puts it into the list.
    pub fn add(&mut self, fd: Fd, role: Role, strategy: Strategy) {
        let progress = Progress::begin(Millis::now());
        self.context.counters.begun();
        let note = self.context.note(fd, role);
        self.put(Held { fd, role, strategy, is_open: true, progress, note: note.as_ref() });
    }

    /// Puts into the list what the drain has held until now; it has been counted.
    pub fn take_over(&mut self, held: Held<'_>) {
        self.put(held);
    }

    fn put(&mut self, held: Held<'_>) {
        let Some(place) = self.place(self.count) else { return };
        place.fill(&held);
        if held.is_open && !self.is_for_another {
            place.begin_close_if_due(held.fd, self.context, Millis::now());
        }
        self.count += 1;
        self.left += 1;
    }

    /// Drains all of them until `deadline`. After `tick_ms` milliseconds without an event those are
    /// ended whose peers are quiet.
    pub fn drain_until(&mut self, deadline: Millis, tick_ms: u32) {
        self.turn_all(None);
        // Without a free number for an epoll set the sockets are looked at in turn.
        let poller = if self.left == 0 || self.single().is_some() { None } else { Poller::create_from(3, 3).ok() };
        self.watch_all(poller);
        while self.left != 0 && deadline.since(Millis::now()) != 0 {
            self.wait(poller, deadline.since(Millis::now()).min(tick_ms));
        }
        if let Some(poller) = poller {
            poller.fd().close();
        }
    }

    /// Counts all that are left as ended in this way; the descriptors stay open.
    pub fn end_all(&mut self, end: End) {
        (0..self.count).for_each(|index| self.end(index, end, 0));
    }

    #[inline(never)]
    fn wait(&mut self, poller: Option<Poller>, timeout: u32) {
        let mut ready = [0; BATCH];
        let found = match poller {
            Some(poller) => poller.wait(Some(timeout), &mut ready).unwrap_or(0),
            None => self.look_at_all(timeout),
        };
        let discarded = ready.iter().take(found).fold(0, |sum, &index| sum + self.turn(poller, index as usize));
        if found == 0 {
            self.leave_the_quiet();
        } else if discarded == 0 {
            // There was an event and nothing to discard: an error that stays, as of an error queue.
            rest();
        }
        self.keep_time();
    }

    /// Begins the close where a strategy has waited long enough, and ends what is beyond its bounds.
    fn keep_time(&mut self) {
        let now = Millis::now();
        for index in 0..self.count {
            let Some((fd, place)) = self.at(index) else { continue };
            if place.has(STILL_OPEN) {
                place.begin_close_if_due(fd, self.context, now);
            }
            if let Some(end) = place.bounds(self.context).exceeded(place.progress(), now) {
                self.end(index, end, 0);
            }
        }
    }

    /// A single one is waited for; several without a set are looked at in turn.
    fn look_at_all(&mut self, timeout_ms: u32) -> usize {
        match self.single() {
            Some((fd, interest)) => _ = wait(fd, interest, Some(timeout_ms)),
            None => rest(),
        }
        self.turn_all(None);
        0
    }

    /// The only one that is left, if `poll` can wait for it: a strategy that does not read leaves
    /// the same event pending for ever.
    fn single(&self) -> Option<(Fd, Interest)> {
        let (fd, place) = self.each().next().filter(|_| self.left == 1)?;
        place.close_strategy().reads().then(|| (fd, place.close_strategy().interest()))
    }

    fn watch_all(&self, poller: Option<Poller>) {
        let Some(poller) = poller else { return };
        for index in 0..self.count {
            if let Some((fd, place)) = self.at(index) {
                let _ = poller.add(fd, index as u64, place.close_strategy().interest(), false);
            }
        }
    }

    fn turn_all(&mut self, poller: Option<Poller>) {
        for index in 0..self.count {
            self.turn(poller, index);
        }
    }

    /// Advances one of them. Answers how many bytes were discarded, and one more if it has ended.
    fn turn(&mut self, poller: Option<Poller>, index: usize) -> u64 {
        let Some((fd, place)) = self.at(index) else { return 0 };
        match place.close_strategy().step(fd) {
            Step::End(bytes, end) => {
                self.end(index, end, bytes);
                bytes + 1
            }
            Step::More(bytes) => {
                place.advance(bytes);
                if let Some(poller) = poller {
                    // An event, and nothing to discard: it was one of the error queue.
                    if bytes == 0 {
                        socket::discard_news(fd);
                    }
                    let _ = poller.rearm(fd, index as u64, place.close_strategy().interest());
                }
                bytes
            }
        }
    }

    fn leave_the_quiet(&mut self) {
        for index in 0..self.count {
            if self.at(index).is_some_and(|(fd, _)| is_quiet(fd)) {
                self.end(index, End::Acknowledged, 0);
            }
        }
    }

    /// Counts one as ended, after `last` more bytes were discarded.
    fn end(&mut self, index: usize, end: End, last: u64) {
        if let Some((fd, place)) = self.at(index) {
            let (strategy, note, progress) = (place.close_strategy().name(), Some(&place.note), place.progress());
            let (discarded, begun) = (progress.discarded + last, progress.begun);
            self.context.ended(Ended { fd: Some(fd), note, strategy, end, discarded, begun: Some(begun) });
            place.fd.store(-1, Relaxed);
            self.left -= 1;
        }
    }

    /// The descriptors of all that are left.
    pub fn numbers(&self) -> impl Iterator<Item = Fd> {
        self.each().map(|(fd, _)| fd)
    }

    /// What is left to do, as arguments of `softclose-drain`.
    pub fn tasks(&self) -> impl Iterator<Item = Task> {
        let now = Millis::now();
        self.each().filter_map(move |(fd, place)| place.task(fd, self.context, now))
    }

    fn each(&self) -> impl Iterator<Item = (Fd, &Open)> {
        (0..self.count).filter_map(|index| self.at(index))
    }

    fn place(&self, index: usize) -> Option<&Open> {
        match index.checked_sub(1) {
            None => Some(&self.first),
            Some(index) => self.others.get(index),
        }
    }

    fn at(&self, index: usize) -> Option<(Fd, &Open)> {
        let place = self.place(index)?;
        Some((Fd::new(place.fd.load(Relaxed))?, place))
    }
}

fn rest() {
    const REST_MS: u32 = 5;
    let _ = rustix::thread::nanosleep(&timespec(REST_MS));
}

//! What a process leaves open, finished all at the same time: at its end, and before it
//! becomes another program.
//!
//! Context: the thread that ends the process. It waits, within bounds. No allocation: the
//! list is mapped.

use crate::bounds::{Bounds, End, Progress};
use crate::context::{Context, Ended};
use crate::discard::Step;
use crate::inline::{is_quiet, wait};
use crate::log::note::Note;
use crate::settings::Strategy;
use crate::strategy::{self, CloseStrategy};
use crate::sys::clock::{Millis, timespec};
use crate::sys::poller::{BATCH, Interest, Poller};
use crate::sys::region::Region;
use crate::sys::socket::Role;
use crate::sys::{Fd, socket};
use crate::zeroed;
use core::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering::Relaxed};
use softclose_finisher::task::{Mode, Task};

zeroed! {
    #[derive(Default)]
    struct Open {
        fd: AtomicI32,
        /// A [`Strategy`], [`STILL_OPEN`] and [`CONNECTED`].
        flags: AtomicU32,
        note: Note,
        discarded: AtomicU64,
        begun: AtomicU32,
        last: AtomicU32,
    }
}

/// The strategy is patient: it has not parted from the peer yet.
const STILL_OPEN: u32 = 1 << 8;
const CONNECTED: u32 = 1 << 9;

/// A connection that was closed before, and is held by the drain.
pub struct Held<'a> {
    /// Its private number, verified.
    pub fd: Fd,
    /// Which side opened it.
    pub role: Role,
    /// Its strategy.
    pub strategy: Strategy,
    /// Whether that is still to come.
    pub is_open: bool,
    /// How far the drain has come.
    pub progress: Progress,
    /// What is told of it.
    pub note: Option<&'a Note>,
}

/// The sockets that a process leaves open.
pub struct Leftovers<'a> {
    context: &'a Context,
    /// Most processes have one at most, which needs no memory.
    first: Open,
    others: Region<Open>,
    count: usize,
    left: usize,
    /// The goodbye is left to whoever takes them over.
    is_for_another: bool,
}

impl<'a> Leftovers<'a> {
    /// Room for `most` sockets.
    pub fn with_room(most: usize, context: &'a Context) -> Self {
        let others = Region::new();
        if most > 1 {
            others.ensure(most - 1);
        }
        Self { context, first: Open::default(), others, count: 0, left: 0, is_for_another: false }
    }

    /// The same for sockets that stay as they are until another program takes them over.
    pub fn for_another(most: usize, context: &'a Context) -> Self {
        Self { is_for_another: true, ..Self::with_room(most, context) }
    }

    /// Whether they are still used by this process, until it has gone.
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

    /// Says goodbye on `fd` and takes it in.
    pub fn add(&mut self, fd: Fd, role: Role, strategy: Strategy) {
        let progress = Progress::begin(Millis::now());
        self.context.counters.begun();
        let note = self.context.note(fd, role);
        self.put(Held { fd, role, strategy, is_open: true, progress, note: note.as_ref() });
    }

    /// Takes in what the drain has held until now; it has been counted.
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

    /// Waits for the ends of all of them until `deadline`, and longest for `tick_ms` without
    /// a look at those that are quiet.
    pub fn drain_until(&mut self, deadline: Millis, tick_ms: u32) {
        self.turn_all(None);
        // Without a free number the sockets are looked at in turn.
        let poller = if self.left == 0 || self.single().is_some() { None } else { Poller::create_from(3, 3).ok() };
        self.watch_all(poller);
        while self.left != 0 && deadline.since(Millis::now()) != 0 {
            self.wait(poller, deadline.since(Millis::now()).min(tick_ms));
        }
        if let Some(poller) = poller {
            poller.fd().close();
        }
    }

    /// Ends all that are left in this way; the sockets stay open.
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
            // Ready, and nothing to be had: an error that stays, as on an error queue.
            rest();
        }
        self.keep_time();
    }

    /// Parts from those with whom a strategy was patient until now, and ends what is over.
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

    /// The only one that is left, if `poll` can wait for it: to whom reads, nothing is
    /// ready for ever.
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

    /// Answers how many bytes were discarded; of one that has ended, 1 at least.
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
                    // An event, and nothing there: it was one of the error queue.
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

    /// `last` bytes were discarded in the last look.
    fn end(&mut self, index: usize, end: End, last: u64) {
        if let Some((fd, place)) = self.at(index) {
            let (strategy, note, progress) = (place.close_strategy().name(), Some(&place.note), place.progress());
            let (discarded, begun) = (progress.discarded + last, progress.begun);
            self.context.ended(Ended { fd: Some(fd), note, strategy, end, discarded, begun });
            place.fd.store(-1, Relaxed);
            self.left -= 1;
        }
    }

    /// The numbers of all that are left.
    pub fn numbers(&self) -> impl Iterator<Item = Fd> {
        self.each().map(|(fd, _)| fd)
    }

    /// What is left to do, for another program.
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

impl Open {
    fn fill(&self, held: &Held<'_>) {
        let Held { fd, role, strategy, is_open, progress, note } = held;
        let open = if *is_open { STILL_OPEN } else { 0 };
        let connected = if *role == Role::Connected { CONNECTED } else { 0 };
        self.fd.store(fd.raw(), Relaxed);
        self.flags.store(*strategy as u32 | open | connected, Relaxed);
        self.discarded.store(progress.discarded, Relaxed);
        self.begun.store(progress.begun.0, Relaxed);
        self.last.store(progress.last.0, Relaxed);
        note.iter().for_each(|note| self.note.copy(note));
    }

    fn has(&self, flag: u32) -> bool {
        self.flags.load(Relaxed) & flag != 0
    }

    fn close_strategy(&self) -> &'static dyn CloseStrategy {
        let name = Strategy::from_index(self.flags.load(Relaxed) & (STILL_OPEN - 1));
        strategy::of(name.unwrap_or(Strategy::Drain))
    }

    fn bounds(&self, context: &Context) -> Bounds {
        let role = if self.has(CONNECTED) { Role::Connected } else { Role::Accepted };
        self.close_strategy().bounds(context.settings, role)
    }

    fn progress(&self) -> Progress {
        let [begun, last] = [&self.begun, &self.last].map(|at| Millis(at.load(Relaxed)));
        Progress { begun, last, discarded: self.discarded.load(Relaxed) }
    }

    fn advance(&self, bytes: u64) {
        if bytes != 0 {
            self.discarded.fetch_add(bytes, Relaxed);
            self.last.store(Millis::now().0, Relaxed);
        }
    }

    /// Milliseconds until it parts from the peer.
    fn begins_in(&self, context: &Context, now: Millis) -> u32 {
        let patience = self.close_strategy().patience_ms(context.settings);
        if self.has(STILL_OPEN) { patience.saturating_sub(now.since(self.progress().begun)) } else { 0 }
    }

    fn begin_close_if_due(&self, fd: Fd, context: &Context, now: Millis) {
        if self.begins_in(context, now) == 0 {
            self.flags.fetch_and(!STILL_OPEN, Relaxed);
            self.close_strategy().begin_close(fd);
        }
    }

    fn task(&self, fd: Fd, context: &Context, now: Millis) -> Option<Task> {
        let Progress { last, discarded, .. } = self.progress();
        let Bounds { idle_ms, bytes, .. } = self.bounds(context);
        let mode = match self.close_strategy().name() {
            Strategy::Wait => Mode::Fin,
            Strategy::Linger => Mode::Acknowledged,
            _ => Mode::Discard,
        };
        Some(Task {
            mode,
            fd: fd.raw(),
            cookie: crate::sys::socket::cookie(fd)?,
            begin_ms: if self.has(STILL_OPEN) { u64::from(self.begins_in(context, now).max(1)) } else { 0 },
            idle_ms: u64::from(idle_ms),
            silent_ms: u64::from(now.since(last)),
            // Used up it is over, but 0 is no limit.
            bytes: if bytes == 0 { 0 } else { bytes.saturating_sub(discarded).max(1) },
        })
    }
}

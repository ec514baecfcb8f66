//! What a hook does to give a socket away: reserve a place and duplicate before
//! the program's own call, commit or abandon after it.
//!
//! Context: any hook. No wait: where a place, a number or a thread is not to be
//! had, the close is the program's own, and counted.

use super::lingering::Lingering;
use super::place::Place;
use super::slot::Slot;
use super::{BEYOND_SELECT, Drain, Guest, MOST, SLACK, SMALL_TABLE, drainer};
use crate::bounds::End;
use crate::decision::Reason;
use crate::holders::ledger::Owner;
use crate::settings::{DrainBy, Strategy};
use crate::sys::clock::Millis;
use crate::sys::poller::{A_FEW, Poller};
use crate::sys::signals::{self, Mask};
use crate::sys::socket::Role;
use crate::sys::{Fd, schedule, socket, thread};
use core::sync::atomic::Ordering::SeqCst;
use rustix::io::Errno;

/// A private duplicate in a place of its own, not yet given to the drainer.
#[must_use = "commit it after the program's own call, or abandon it"]
pub struct Reserved {
    drain: &'static Drain,
    place: Place,
}

/// Whether another thread may be inside a write to `fd`: then more than a little
/// is queued, or as much as there is room for.
pub fn may_be_written_to(fd: Fd) -> bool {
    const LITTLE: u32 = 16 << 10;
    match socket::unacknowledged(fd) {
        0 => false,
        queued => queued > LITTLE || !socket::is_writable(fd),
    }
}

/// Whether it may be blocked there: then there is no room.
pub fn may_be_blocked_in_write(fd: Fd) -> bool {
    !socket::is_writable(fd) && !socket::is_nonblocking(fd)
}

impl Reserved {
    pub(super) fn of(drain: &'static Drain, place: Place) -> Self {
        Self { drain, place }
    }

    /// The private duplicate.
    pub fn fd(&self) -> Option<Fd> {
        self.slot()?.fd()
    }

    fn duplicate(&self, fd: Fd, cookie: u64, role: Role, strategy: Strategy) -> Result<(), Reason> {
        let slot = self.slot().ok_or(Reason::Full)?;
        slot.fill(cookie, fd, role, strategy, Millis::now());
        if let Some(note) = self.drain.notes.get(self.place.index()) {
            note.take(fd, role);
        }
        let number = self.private_number(fd)?;
        self.drain.slots.give(self.place, number);
        self.drain.ledger.occupied(number);
        Ok(())
    }

    /// The limit may have been lowered since the numbers were chosen.
    fn private_number(&self, fd: Fd) -> Result<Fd, Reason> {
        let drain = self.drain;
        let index = self.place.index();
        let duplicate = || drain.on_number(index, |number| fd.duplicate_from(number));
        duplicate().or_else(|_| {
            drain.measure();
            let has_room = index < drain.room() as usize;
            let copy = has_room.then(duplicate);
            copy.and_then(Result::ok).ok_or(Reason::Full)
        })
    }

    fn slot(&self) -> Option<&'static Slot> {
        self.drain.slots.at(self.place)
    }

    /// A thread may be in a write to `fd`: the half-close waits for it.
    pub fn expect_writer(&self, fd: Fd) {
        if let Some(slot) = self.slot() {
            slot.expect_writer();
            slot.begin_to_watch_writers(fd, None);
        }
    }

    /// The program's own call has succeeded: parts from the peer, and hands over.
    pub fn commit(self) {
        if let Some(slot) = self.begin(false) {
            self.give(slot);
        }
    }

    /// The same, where the program has asked that its call wait up to `ms` milliseconds: hands
    /// over when that is [over](Lingering::end).
    pub fn commit_lingering(self, ms: u32) -> Option<Lingering> {
        Some(Lingering::begin(self.drain, self.place, self.begin(true)?, ms))
    }

    /// Parts from the peer, or leaves that to the drainer. Who `waits` inside its close has seen
    /// that there is room, and is not kept waiting for a look.
    fn begin(&self, waits: bool) -> Option<&'static Slot> {
        let slot = self.slot()?;
        let fd = slot.fd()?;
        let close_strategy = slot.close_strategy();
        self.drain.context.counters.begun();
        if slot.expects_writer() && (waits || socket::is_nonblocking(fd)) && slot.has_not_grown(fd) {
            slot.expect_no_writer();
        }
        if slot.expects_writer() || close_strategy.patience_ms(self.drain.context.settings) != 0 {
            slot.set_still_open();
        } else {
            close_strategy.begin_close(fd);
        }
        socket::stop_signals(fd);
        self.expect_callers(slot, fd);
        Some(slot)
    }

    pub(super) fn give(self, slot: &Slot) {
        let (drain, stays_open) = (self.drain, slot.is_still_open());
        let patience = slot.close_strategy().patience_ms(drain.context.settings);
        let expects_writer = slot.expects_writer();
        if let Some(fd) = slot.fd() {
            self.offer(slot, fd);
        }
        // The slot may be another socket's by now.
        if stays_open && patience == 0 && expects_writer {
            drain.hurry();
        } else if patience != 0 && stays_open && drain.oversleeps(Millis::now().plus(patience)) {
            drain.wake();
        }
    }

    /// A thread can be blocked in `recv` only where nothing was queued; and nobody stays in
    /// a call where calls do not wait.
    fn expect_callers(&self, slot: &Slot, fd: Fd) {
        let may_be_read =
            slot.close_strategy().reads() && !self.drain.context.is_single_threaded() && socket::unread(fd) == 0;
        if !(may_be_read || slot.expects_writer()) {
        } else if socket::is_nonblocking(fd) {
            slot.set_never_blocks();
        } else if may_be_read {
            slot.expect_reader();
        }
    }

    /// The peer's answer wakes the drainer, which sleeps.
    fn watch(&self, slot: &Slot, fd: Fd, wake: bool) {
        if let Some(poller) = self.drain.poller() {
            slot.set_watched();
            let _ = poller.add(fd, slot.ticket(self.place), slot.close_strategy().interest(), wake);
        }
    }

    fn offer(&self, slot: &Slot, fd: Fd) {
        let drain = self.drain;
        // Before the offer, after which the drainer may end it at any time.
        let crowded = drain.sockets() > drain.cap.load(SeqCst);
        let sleeps = drain.is_in_epoll();
        if sleeps {
            self.watch(slot, fd, crowded);
        }
        drain.slots.offer(self.place);
        if drain.gate.is_idle() {
            return drain.take_back();
        }
        drain.first_offer.notify();
        if !sleeps && drain.is_in_epoll() {
            // It may have looked for offers before this one came.
            drain.wake();
        }
        if crowded {
            drain.wakeup.notify();
        }
    }

    /// The program's own call has failed, and the descriptor is still its own.
    pub fn abandon(self) {
        let drain = self.drain;
        if let Some(slot) = self.slot() {
            slot.fd().into_iter().for_each(|fd| drain.ledger.ended(fd));
            slot.verified().into_iter().for_each(Fd::close);
            slot.forget();
        }
        drain.slots.free(self.place);
        drain.gate.one_less();
    }
}

impl Drain {
    /// Reserves a place for `fd` and takes a private duplicate of it.
    ///
    /// # Errors
    /// The reason to leave the close alone.
    pub fn reserve(
        &'static self,
        owner: Owner<'_>,
        fd: Fd,
        cookie: u64,
        role: Role,
        strategy: Strategy,
    ) -> Result<Reserved, Reason> {
        let guest = if self.context.settings.engine == DrainBy::Inline { Guest::Apart } else { Guest::Socket };
        let reserved = self.reserve_place(owner, guest)?;
        match reserved.duplicate(fd, cookie, role, strategy) {
            Ok(()) => Ok(reserved),
            Err(reason) => {
                reserved.abandon();
                Err(reason)
            }
        }
    }

    pub(super) fn reserve_place(&'static self, owner: Owner<'_>, guest: Guest) -> Result<Reserved, Reason> {
        self.enter(owner, guest)?;
        let place = self.slots.claim().ok_or(Reason::Full).inspect_err(|_| self.gate.one_less())?;
        Ok(Reserved { drain: self, place })
    }

    /// Counts one more guest, and starts the thread where there is none.
    pub(super) fn enter(&'static self, _owner: Owner<'_>, guest: Guest) -> Result<(), Reason> {
        // Whoever begins to start the thread must be heard of again.
        let needs_thread = guest != Guest::Apart;
        let signals = if needs_thread && self.gate.is_idle() { signals::hold() } else { None };
        let entered = self.gate.enter(needs_thread, |idle, held| self.admit(guest, idle, held));
        let entered = entered.and_then(|starts| if starts { self.start() } else { Ok(()) });
        signals.into_iter().for_each(Mask::let_in);
        entered
    }

    fn admit(&self, guest: Guest, idle: bool, held: u32) -> Result<(), Reason> {
        if self.dismissals.is_any() {
            return Err(Reason::NoThread);
        }
        if idle {
            // Before anybody can see that it starts: others claim from then on.
            if !self.slots.ensure((MOST + SLACK) as usize) {
                return Err(Reason::Full);
            }
            if self.context.log.is_talkative() {
                self.notes.ensure((MOST + SLACK) as usize);
            }
            self.measure();
        }
        let is_full = match guest {
            Guest::Socket | Guest::Apart => held.saturating_sub(self.deferred.count()) >= self.room(),
            Guest::DeferredShutdown => self.room() == 0,
        };
        if is_full {
            self.wakeup.notify();
            return Err(Reason::Full);
        }
        Ok(())
    }

    /// How many sockets may be held for a moment.
    pub(super) fn room(&self) -> u32 {
        self.cap.load(SeqCst) + self.slack.load(SeqCst)
    }

    #[inline(never)]
    fn start(&'static self) -> Result<(), Reason> {
        let started = self.try_start();
        match started {
            Ok(()) => self.gate.started(),
            Err(_) => {
                self.gate.not_started();
                self.take_back();
            }
        }
        started
    }

    /// No thread will come for what has been offered: plain closes, and shutdowns.
    #[inline(never)]
    pub(super) fn take_back(&'static self) {
        self.apply_due(true);
        self.slots.take_offers(|place, slot| {
            self.over(place, slot, slot.verified(), End::Evicted);
            Reserved { drain: self, place }.abandon();
        });
    }

    fn try_start(&'static self) -> Result<(), Reason> {
        // Once more, now that everybody can see that it starts.
        if self.dismissals.is_any() {
            return Err(Reason::NoThread);
        }
        let low = if self.ledger.has_forked() { SMALL_TABLE - A_FEW } else { BEYOND_SELECT };
        let create = |highest| Poller::create_from(low.min(highest), highest);
        let poller = self.on_number(self.room() as usize, create).map_err(|_| Reason::Full)?;
        self.poller.store(poller.fd().raw(), SeqCst);
        self.spawn().map_err(|_| {
            poller.fd().close();
            self.poller.store(-1, SeqCst);
            Reason::NoThread
        })
    }

    fn spawn(&'static self) -> Result<(), Errno> {
        let turn = self.generation.fetch_add(1, SeqCst) as usize % 2;
        let id = self.threads.get(turn).ok_or(Errno::BUSY)?;
        self.stacks.with(turn, |stack| thread::spawn(stack, id, drainer::run, self))?;
        if let Some(thread) = id.get() {
            schedule::as_at_start(thread, self.context.processors);
        }
        Ok(())
    }
}

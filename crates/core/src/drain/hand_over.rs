//! What a hook does with one socket: it reserves a place and duplicates the descriptor before the
//! program's own call, and commits or abandons after it.
//!
//! Context: any hook; async-signal-safe and lock-free. A hook does not wait: where it gets no place,
//! no number or no thread, the close is the program's own, and is counted.

use super::Drain;
use super::claim::{Claimant, claim_place};
use super::lingering::Lingering;
use super::offer::hand_to_drainer;
use super::table::flags::Flag;
use super::table::held_socket::HeldSocket;
use super::table::place::Place;
use super::take_back::give_back;
use crate::decision::Reason;
use crate::holders::ledger::Owner;
use crate::holders::standing::Doubt;
use crate::settings::{DrainBy, Strategy};
use crate::sys::clock::Millis;
use crate::sys::socket::Role;
use crate::sys::{Fd, socket};

/// A private duplicate in a place of its own, which the drainer does not have yet.
#[must_use = "commit it after the program's own call, or abandon it"]
pub struct Reserved {
    drain: &'static Drain,
    place: Place,
}

/// Whether another thread may be inside a write to `fd`: then more than 16 KiB are not acknowledged,
/// or there is no room.
pub fn may_be_written_to(fd: Fd) -> bool {
    const LITTLE: u32 = 16 << 10;
    match socket::unacknowledged(fd) {
        0 => false,
        queued => queued > LITTLE || !socket::is_writable(fd),
    }
}

/// Whether another thread may be blocked in a write to `fd`: then there is no room.
pub fn may_be_blocked_in_write(fd: Fd) -> bool {
    !socket::is_writable(fd) && !socket::is_nonblocking(fd)
}

impl Drain {
    /// The cookie of `fd`, by which the drainer knows the socket again. Where the kernel tells none, that is counted.
    ///
    /// # Errors
    /// The reason to leave the call alone.
    pub fn cookie(&self, fd: Fd) -> Result<u64, Reason> {
        let cookie = socket::cookie(fd);
        if cookie.is_none() {
            self.context.counters.doubted(Doubt::NoCookie);
        }
        cookie.ok_or(Reason::Unsure)
    }

    /// Reserves a place for `fd`, and takes a private duplicate of it.
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
        let is_inline = self.context.settings.engine == DrainBy::Inline;
        let claimant = if is_inline { Claimant::Inline } else { Claimant::Socket };
        let reserved = Reserved { drain: self, place: claim_place(self, owner, claimant)? };
        match reserved.duplicate(fd, cookie, role, strategy) {
            Ok(()) => Ok(reserved),
            Err(reason) => {
                reserved.abandon();
                Err(reason)
            }
        }
    }
}

/// Before the program's own call.
impl Reserved {
    /// The private duplicate.
    pub fn fd(&self) -> Option<Fd> {
        self.held()?.fd()
    }

    fn held(&self) -> Option<&'static HeldSocket> {
        self.drain.sockets.at(self.place)
    }

    fn duplicate(&self, fd: Fd, cookie: u64, role: Role, strategy: Strategy) -> Result<(), Reason> {
        let held = self.held().ok_or(Reason::Full)?;
        held.fill(cookie, fd, role, strategy, Millis::now());
        if let Some(note) = self.drain.sockets.note(self.place) {
            note.take(fd, role);
        }
        let number = self.private_number(fd)?;
        self.drain.sockets.give_number(self.place, number);
        self.drain.ledger.occupied(number);
        Ok(())
    }

    /// Duplicates `fd` to a private number. The limit may have been lowered since the private numbers
    /// were planned: then they are planned anew.
    fn private_number(&self, fd: Fd) -> Result<Fd, Reason> {
        let (drain, index) = (self.drain, self.place.index());
        drain.private_duplicate(fd, index).or_else(|_| {
            drain.measure_numbers();
            let has_room = index < drain.numbers.room() as usize;
            let copy = has_room.then(|| drain.private_duplicate(fd, index));
            copy.and_then(Result::ok).ok_or(Reason::Full)
        })
    }

    /// Another thread may be inside a write to `fd`: the close is not begun before that is over.
    pub fn expect_writer(&self, fd: Fd) {
        if let Some(held) = self.held() {
            held.set(Flag::WriterExpected);
            held.begin_to_watch_writers(fd, None);
        }
    }
}

/// After the program's own call.
impl Reserved {
    /// The program's own call has succeeded: begins the close, and hands over.
    pub fn commit(self) {
        if let Some(held) = self.begin(false) {
            hand_to_drainer(self.drain, self.place, held);
        }
    }

    /// As [`Self::commit`], where the program has asked that its call wait up to `ms` milliseconds:
    /// hands over at the [end](Lingering::end) of the wait.
    pub fn commit_lingering(self, ms: u32) -> Option<Lingering> {
        Some(Lingering::begin(self.drain, self.place, self.begin(true)?, ms))
    }

    /// The program's own call has failed, and its descriptor is still open: gives the place back.
    pub fn abandon(self) {
        give_back(self.drain, self.place);
    }

    /// Begins the close, or leaves that to the drainer. A close that `waits` for the peer was only
    /// prepared where there was room: if nothing was written since, no writer is expected.
    fn begin(&self, waits: bool) -> Option<&'static HeldSocket> {
        let held = self.held()?;
        let fd = held.fd()?;
        let close_strategy = held.close_strategy();
        self.drain.context.counters.begun();
        let expects_writer = held.has(Flag::WriterExpected);
        if expects_writer && (waits || socket::is_nonblocking(fd)) && held.has_not_grown(fd) {
            held.clear(Flag::WriterExpected);
        }
        let is_postponed = close_strategy.patience_ms(self.drain.context.settings) != 0;
        if held.has(Flag::WriterExpected) || is_postponed {
            held.set(Flag::BeginsLater);
        } else {
            close_strategy.begin_close(fd);
        }
        socket::stop_signals(fd);
        self.expect_callers(held, fd);
        Some(held)
    }

    /// Notes which threads may be inside a call on the socket. A thread can be blocked in a read only
    /// where nothing was queued; and no thread is blocked where calls do not block.
    fn expect_callers(&self, held: &HeldSocket, fd: Fd) {
        let may_be_read = held.close_strategy().reads() && !self.drain.context.is_single_threaded();
        if !(may_be_read || held.has(Flag::WriterExpected)) {
            return;
        }
        if socket::is_nonblocking(fd) {
            held.set(Flag::NeverBlocks);
        } else if may_be_read && socket::unread(fd) == 0 {
            held.set(Flag::ReaderExpected);
        }
    }
}

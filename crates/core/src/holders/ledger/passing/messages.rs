//! Connections in messages (`SCM_RIGHTS`). Where the sockets that they are sent on allow it
//! (`process_channels.rs`), they are counted while they are under way. Otherwise it stays undecided
//! for ever whether another process has the connection.
//!
//! The sender counts a message before it is sent: as soon as the kernel has the message, its
//! receiver may have closed the descriptor already. The receiver first counts its new descriptor, and
//! then takes the message back. A message that is only peeked at, that is cut off (`MSG_CTRUNC`) or
//! that nobody receives stays under way.
//!
//! Context: hooks of any kind.

use crate::holders::ledger::Token;
use crate::holders::ledger::local::creations::Stamp;
use crate::holders::ledger::memory::descriptions::SlotId;
use crate::holders::ledger::memory::marks::Marks;
use crate::holders::ledger::owner::{Ledger, Owner};
use crate::sys::socket::Role;
use crate::sys::{Fd, socket};

/// How a message was received.
#[derive(Clone, Copy, Debug)]
pub struct Message {
    /// The socket that it was received on.
    pub via: Fd,
    /// Whether it was only peeked at (`MSG_PEEK`).
    pub is_peeked: bool,
}

/// A connection in a message that is counted as under way.
#[derive(Clone, Copy, Debug)]
pub struct Departure {
    slot: SlotId,
    sender: u64,
}

impl Owner<'_> {
    /// `fd` is about to be sent through `SCM_RIGHTS` on `via`. Where this process has no count for it,
    /// another process of the family may have.
    ///
    /// Answers what [`Owner::not_passed`] takes back if the message is not sent.
    pub fn passes(self, fd: Fd, via: Option<Fd>) -> Option<Departure> {
        if socket::tcp_info(fd).is_err() {
            self.0.channels().hand_on(fd);
            if self.0.sets.is_set(fd) {
                // The process that receives the set may use it for longer than this one has it.
                self.0.sets.share();
            }
            self.copies_ring(fd);
            return None;
        }
        let slot = self.counted(fd).or_else(|| self.adopt(fd, self.0.stamp()));
        match slot.zip(via.and_then(|via| self.0.channels().of_sender(via))) {
            Some((slot, sender)) => {
                self.0.descriptions().with(slot, |slot| slot.depart(sender));
                Some(Departure { slot, sender })
            }
            None => {
                self.0.pass(fd);
                None
            }
        }
    }

    /// The program has made a pair of unix sockets (`socketpair`).
    pub fn made_pair(self, one: Fd, other: Fd) {
        self.0.channels().made(one, other);
    }

    /// That message was not sent.
    pub fn not_passed(self, Departure { slot, sender }: Departure) {
        self.0.descriptions().arrive(slot, sender);
    }

    fn counted(self, fd: Fd) -> Option<SlotId> {
        self.0.table.slot(fd).filter(|&slot| self.is_current(fd, slot) && self.is_counted(slot))
    }

    /// `fd` came through `SCM_RIGHTS` in `message`, or was taken from another process. A message that was only
    /// peeked at stays where it was. `since` was taken before the call.
    pub fn received(self, fd: Fd, message: Option<Message>, since: Stamp) {
        self.forgotten(fd);
        if socket::tcp_info(fd).is_err() {
            return;
        }
        match message.and_then(|message| self.arrives(fd, message)) {
            Some(slot) => self.note_descriptor(fd, slot, Role::Accepted, since),
            None if self.adopt_marked(fd, since, Marks::FOREIGN_PASSED).is_some() => {}
            None => self.0.mark_now(fd, Marks::PASSED),
        }
    }

    /// Counts this process in the slot of `fd`; `None` where the message cannot be counted.
    fn arrives(self, fd: Fd, Message { via, is_peeked }: Message) -> Option<SlotId> {
        let sender = self.0.channels().to_receiver(via)?;
        let slot = self.join_as(socket::cookie(fd)?, self.0.me()?)?;
        if !is_peeked && !self.0.descriptions().arrive(slot, sender) {
            // The process that sent it is not counted.
            self.0.descriptions().mark(slot, Marks::PASSED);
        }
        Some(slot)
    }

    /// Counts this process, which is `me`, in the slot that the family has for the connection already.
    pub(in crate::holders::ledger) fn join_as(self, cookie: u64, me: Token) -> Option<SlotId> {
        self.0.descriptions().join(cookie, me, self.0.family().reach())
    }
}

impl Ledger {
    /// `fd` is sent through `SCM_RIGHTS`, or was taken from another process.
    pub fn pass(&self, fd: Fd) {
        self.channels().hand_on(fd);
        self.mark_now(fd, Marks::PASSED);
    }
}

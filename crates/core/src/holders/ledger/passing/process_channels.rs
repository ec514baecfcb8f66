//! The socket pairs that a process knows: in its own memory before its first connection, then in the
//! memory of its family.
//!
//! Context: hooks of any kind.

use crate::holders::ledger::memory::channels::{Channels, SHARED};
use crate::holders::ledger::owner::Ledger;
use crate::sys::{Fd, socket};

/// The socket pairs that a process knows.
pub struct ProcessChannels<'a>(&'a Ledger);

impl Ledger {
    pub(in crate::holders::ledger) fn channels(&self) -> ProcessChannels<'_> {
        ProcessChannels(self)
    }
}

impl ProcessChannels<'_> {
    /// The program has made a pair of unix sockets.
    pub fn made(&self, one: Fd, other: Fd) {
        let Some(ends) = socket::cookie(one).zip(socket::cookie(other)) else { return };
        let ends = [ends.0, ends.1];
        match self.0.memory.head() {
            Some(head) => head.channels.add(ends),
            None => self.0.own_channels.add(ends),
        }
    }

    /// Whether there is a pair in the memory of this process alone.
    pub fn has_own(&self) -> bool {
        self.0.own_channels.has_any()
    }

    /// The cookie of `via`, if messages that are sent on it can be counted.
    pub fn of_sender(&self, via: Fd) -> Option<u64> {
        let head = self.0.memory.head().filter(|head| head.channels.has_any())?;
        socket::cookie(via).filter(|&cookie| head.channels.is_counted(cookie))
    }

    /// The cookie of the end on which is sent what `via` receives, if that is counted.
    pub fn to_receiver(&self, via: Fd) -> Option<u64> {
        let head = self.0.memory.head().filter(|head| head.channels.has_any())?;
        head.channels.sender_to(socket::cookie(via)?)
    }

    /// Another program gets `fd` by `exec`. Answers whether `fd` is an end of a pair.
    pub fn begin_transit(&self, fd: Fd) -> bool {
        self.change(fd, Channels::begin_transit).unwrap_or(false)
    }

    /// This program was executed with `fd`, and says that it has it.
    pub fn end_transit(&self, fd: Fd) {
        let _ = self.change(fd, Channels::end_transit);
    }

    /// A program that no hook follows may get `fd`.
    pub fn hand_on(&self, fd: Fd) {
        let own = &self.0.own_channels;
        if own.has_any() {
            socket::cookie(fd).into_iter().for_each(|cookie| own.hand_on(cookie));
        }
        let _ = self.change(fd, Channels::hand_on);
    }

    fn change<T>(&self, fd: Fd, change: fn(&Channels<SHARED>, u64) -> T) -> Option<T> {
        let head = self.0.memory.head().filter(|head| head.channels.has_any())?;
        socket::cookie(fd).map(|cookie| change(&head.channels, cookie))
    }

    /// A program that no hook follows may get all ends.
    pub fn hand_on_all(&self) {
        self.0.own_channels.hand_on_all();
        if let Some(head) = self.0.memory.head() {
            head.channels.hand_on_all();
        }
    }
}

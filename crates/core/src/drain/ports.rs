//! Local ports that are busy because of what is held.
//!
//! A close with something unread is natively a reset, and its port is free at once. With
//! a drain it is busy for as long as the peer likes. So where `bind`, `listen` or
//! `connect` fails for a port, the connections there that natively would have been reset
//! are reset after all. The others keep it busy natively as well.
//!
//! Context: hooks ask and wait for a moment, the drainer's thread acts.

use super::Drain;
use super::slot::Slot;
use crate::ledger::table::Role;
use crate::sys::clock::Millis;
use crate::sys::{Fd, socket};
use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

/// A port that somebody waits for.
pub struct Wanted(AtomicU32);

const NONE: u32 = u32::MAX;

impl Wanted {
    /// None.
    pub const fn new() -> Self {
        Self(AtomicU32::new(NONE))
    }

    /// Which, if any.
    pub fn get(&self) -> Option<u16> {
        u16::try_from(self.0.load(SeqCst)).ok()
    }

    /// Nobody waits any more.
    pub fn done(&self) {
        self.0.store(NONE, SeqCst);
    }
}

impl Drain {
    /// Local port `port` is busy for the program, or with 0 all that it could have had.
    /// Gives up what is held there and natively would have been reset; answers whether
    /// there was any.
    #[inline(never)]
    pub fn free_port(&self, port: u16) -> bool {
        const MOMENT_MS: u32 = 50;
        if self.sockets() == 0 || !self.has_thread() {
            return false;
        }
        let before = self.ended.count();
        let deadline = Millis::now().plus(MOMENT_MS);
        self.wanted_port.0.store(u32::from(port), SeqCst);
        self.wake();
        loop {
            let seen = self.ended.count();
            let left = deadline.since(Millis::now());
            if self.wanted_port.get().is_none() || self.sockets() == 0 || left == 0 {
                break;
            }
            self.ended.sleep(seen, left);
        }
        self.wanted_port.done();
        self.ended.count() != before
    }
}

/// Whether `fd`, that of `slot`, keeps `port` busy where natively it would not.
pub fn is_in_the_way(slot: &Slot, fd: Fd, port: u16) -> bool {
    let is_reset_natively = slot.progress().discarded != 0 || socket::unread(fd) != 0;
    let is_there = match port {
        0 => slot.role() == Role::Connected,
        _ => socket::local_address(fd).is_some_and(|(_, local)| local == port),
    };
    is_reset_natively && is_there
}

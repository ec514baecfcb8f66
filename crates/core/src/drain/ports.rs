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
use crate::sys::clock::Millis;
use crate::sys::socket::Role;
use crate::sys::{Fd, socket};
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering::SeqCst};

/// A port that somebody waits for: a request of its own each time, as the answer to one
/// may be late for the next.
pub struct Wanted {
    request: AtomicU64,
    asked: AtomicU32,
}

/// One request: a number, and the port in the lower half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request(u64);

const NONE: u64 = u64::MAX;

impl Request {
    /// The port.
    pub fn port(self) -> u16 {
        self.0 as u16
    }
}

impl Wanted {
    /// None.
    pub const fn new() -> Self {
        Self { request: AtomicU64::new(NONE), asked: AtomicU32::new(0) }
    }

    fn ask(&self, port: u16) -> Request {
        let number = u64::from(self.asked.fetch_add(1, SeqCst) & 0xff_ffff);
        let request = number << 32 | u64::from(port);
        self.request.store(request, SeqCst);
        Request(request)
    }

    /// What is asked for, if anything.
    pub fn get(&self) -> Option<Request> {
        Some(self.request.load(SeqCst)).filter(|&request| request != NONE).map(Request)
    }

    /// In a fork child: nobody waits.
    pub fn forget(&self) {
        self.request.store(NONE, SeqCst);
    }

    /// Nobody waits for this any more.
    pub fn done(&self, request: Request) {
        let _ = self.request.compare_exchange(request.0, NONE, SeqCst, SeqCst);
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
        let request = self.wanted_port.ask(port);
        self.wake();
        loop {
            let seen = self.ended.count();
            let left = deadline.since(Millis::now());
            if self.wanted_port.get() != Some(request) || self.sockets() == 0 || left == 0 {
                break;
            }
            self.ended.sleep(seen, left);
        }
        self.wanted_port.done(request);
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

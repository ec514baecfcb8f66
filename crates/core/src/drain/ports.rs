//! Local ports that held sockets keep busy.
//!
//! Natively, a close with something unread is a reset, and frees the local port at once. A drain
//! keeps the port busy until the peer closes. So where `bind`, `listen` or `connect` fails for want
//! of a port, the held sockets there that natively would have been reset are reset after all. The
//! others keep the port busy natively as well.
//!
//! Context: hooks ask and wait, for 50 milliseconds at most; the drainer acts.

use super::Drain;
use super::table::held_socket::HeldSocket;
use super::wake::wake;
use crate::sys::clock::Millis;
use crate::sys::socket::Role;
use crate::sys::{Fd, socket};

impl Drain {
    /// Has the drainer reset the held sockets that keep local port `port` busy and natively would
    /// have been reset; `port` 0: those of all connections that the program has opened by `connect`.
    /// Answers whether a drain has ended meanwhile.
    #[inline(never)]
    pub fn free_port(&self, port: u16) -> bool {
        const MOMENT_MS: u32 = 50;
        if self.held_sockets() == 0 || !self.has_thread() {
            return false;
        }
        let (ended, wanted) = (&self.drainer.ended, &self.demands.wanted_port);
        let before = ended.count();
        let deadline = Millis::now().plus(MOMENT_MS);
        let request = wanted.ask(port);
        wake(self);
        loop {
            let seen = ended.count();
            let left = deadline.since(Millis::now());
            if wanted.get() != Some(request) || self.held_sockets() == 0 || left == 0 {
                break;
            }
            ended.sleep(seen, left);
        }
        wanted.done(request);
        ended.count() != before
    }
}

/// Whether the held socket, whose private descriptor is `fd`, keeps `port` busy and natively would
/// not.
pub fn is_in_the_way(held: &HeldSocket, fd: Fd, port: u16) -> bool {
    let is_reset_natively = held.progress().discarded != 0 || socket::unread(fd) != 0;
    let is_there = match port {
        0 => held.role() == Role::Connected,
        _ => socket::local_address(fd).is_some_and(|(_, local)| local == port),
    };
    is_reset_natively && is_there
}

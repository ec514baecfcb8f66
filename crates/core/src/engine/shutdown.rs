//! `shutdown(SHUT_RD)` and `SHUT_RDWR` before the close: whether the receive side may stay open
//! for a moment; see [`crate::drain::deferred_shutdown`].
//!
//! Nobody is harmed by a receive side that is shut a little later, so nothing needs to be proved
//! about other holders. But the number must mean the same socket to the drain's thread; that is
//! not sure where threads have descriptor tables of their own.
//!
//! Context: hooks of any kind. Nothing here waits.

use super::Engine;
use crate::decision::covers;
use crate::engine::verdict;
use crate::holders::ledger::Owner;
use crate::settings::DrainBy;
use crate::strategy;
use crate::sys::socket::Phase;
use crate::sys::{Fd, socket};

impl Engine {
    /// Whether the shutdown of the receive side of `fd` is deferred, and scheduled. `may_follow` says
    /// whether the program may still send: without that, and with nothing sent so far, there is
    /// no response to save.
    #[inline(never)]
    pub fn defer_shutdown(&'static self, owner: Owner<'_>, fd: Fd, may_follow: bool) -> bool {
        let delay = self.context.settings.shutdown_grace_ms;
        delay != 0
            && self.context.settings.engine == DrainBy::Thread
            && socket::tcp_info(fd)
                .is_ok_and(|info| Phase::of(info.state) == Phase::Open && (info.has_sent || may_follow))
            && covers(self.context.settings.role, owner.role(fd))
            && strategy::of(verdict::strategy(self, fd, owner.role(fd))).needs_receive_side()
            && socket::linger(fd) != Some(0)
            && !owner.is_blind()
            && self.rehearsal.is_allowed()
            && self.drain.schedule(owner, fd, delay).is_ok()
    }
}

//! `shutdown(SHUT_RD)` and `SHUT_RDWR` before the close: whether the receive side may
//! stay open for a moment; see [`crate::drain::deferred_shutdown`].
//!
//! Nobody is harmed by a receive side that is shut a little later, so it need not be
//! proved who else holds the connection. But the number must mean the same to the
//! drainer, which it need not where threads have descriptor tables of their own.
//!
//! Context: hooks of any kind. No wait.

use super::Engine;
use crate::decision::covers;
use crate::engine::verdict;
use crate::holders::ledger::Owner;
use crate::settings::DrainBy;
use crate::strategy;
use crate::sys::socket::Phase;
use crate::sys::{Fd, socket};

impl Engine {
    /// Whether the receive side of `fd`, which the program shuts, is left to us. Where it
    /// never sent anything there must be something that `may_follow`.
    #[inline(never)]
    pub fn soften(&'static self, owner: Owner<'_>, fd: Fd, may_follow: bool) -> bool {
        let grace = self.context.settings.shutdown_grace_ms;
        grace != 0
            && self.context.settings.engine == DrainBy::Thread
            && socket::tcp_info(fd)
                .is_ok_and(|info| Phase::of(info.state) == Phase::Open && (info.has_sent || may_follow))
            && covers(self.context.settings.role, owner.role(fd))
            && strategy::of(verdict::strategy(self, fd, owner.role(fd))).needs_receive_side()
            && socket::linger(fd) != Some(0)
            && !owner.is_blind()
            && self.rehearsal.is_allowed()
            && self.drain.schedule(owner, fd, grace).is_ok()
    }
}

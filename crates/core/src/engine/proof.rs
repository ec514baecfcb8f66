//! Who is asked whether a claim to be the last holder is good, in which order.
//!
//! The counts come first ([`crate::holders::ledger`]): what they say is another's is another's,
//! and what they say is ours alone is. Where they cannot know, the kernel's own count decides,
//! if it is there: it has everything in it, messages in flight, requests and registered files of
//! rings, threads inside a call. Else procfs is looked at, for what a look can find.
//!
//! Context: hooks of any kind, on the program's threads.

use super::Engine;
use super::inventory::numbers_of;
use crate::holders::judge::{self, Scope};
use crate::holders::ledger::{Claim, Owner};
use crate::holders::standing::{Doubt, Standing};
use crate::settings::DrainBy;
use crate::sys::{Fd, socket};

/// Who looks at the descriptor in procfs is a reference for an instant; one answer is enough.
const ASKED: u32 = 3;

impl Engine {
    /// What a claim is that the counts cannot decide, and what the kernel has said of it, if it
    /// could be asked.
    pub(super) fn proof(
        &'static self,
        owner: Owner<'_>,
        fd: Fd,
        claim: Claim,
        is_leaving: bool,
    ) -> (Standing, Option<Standing>) {
        let by_kernel = self.counted_by_kernel(owner, fd, is_leaving);
        (by_kernel.unwrap_or_else(|| self.judged(owner, fd, claim, is_leaving)), by_kernel)
    }

    /// What procfs says of a claim that the counts cannot decide, where it can say anything. The
    /// looker is asked, but where the process ends, and by the engine that has no thread.
    #[inline(never)]
    fn judged(&'static self, owner: Owner<'_>, fd: Fd, claim: Claim, is_leaving: bool) -> Standing {
        if claim.standing != Standing::Doubtful {
            return claim.standing;
        }
        // A process with more numbers than the table has would be looked through for
        // each of them.
        if !owner.covers(fd) || !socket::is_tcp(fd) {
            return Standing::Unprovable(Doubt::Unseen);
        }
        let scope = scope_of(owner, claim, is_leaving);
        if judge::is_in_vain(scope) {
            return Standing::Unprovable(Doubt::Unseen);
        }
        let before = self.ledger.stamp();
        match self.look(fd, scope, is_leaving) {
            // A child that another thread has made meanwhile may have it.
            None if self.ledger.stamp() != before => Standing::Unprovable(Doubt::Spawned),
            None => Standing::Last,
            Some(doubt) => Standing::Unprovable(doubt),
        }
    }

    fn look(&'static self, fd: Fd, scope: Scope, is_leaving: bool) -> Option<Doubt> {
        if is_leaving || self.context.settings.engine == DrainBy::Inline || !self.drain.may_look() {
            judge::doubt(fd, scope)
        } else {
            self.drain.inquire(fd, scope)
        }
    }

    /// What a hook has noticed may call for a look at all processes, before it is needed.
    pub fn look_ahead(&'static self) {
        if self.ledger.may_have_leaked() && self.context.settings.engine != DrainBy::Inline {
            self.drain.look_ahead();
        }
    }

    /// How good the claim to be the last holder is, by the kernel's own count. All numbers that
    /// the process has are given up where it `is_leaving`, and this one elsewhere.
    ///
    /// It is asked after all calls that have begun to copy the table: what is copied later is
    /// copied beside the close. A private duplicate in a table that another process uses too
    /// would be that one's as well, and one in a table of this thread alone would not be found
    /// by the drain's.
    #[inline(never)]
    fn counted_by_kernel(&self, owner: Owner<'_>, fd: Fd, is_leaving: bool) -> Option<Standing> {
        let is_stable = !owner.has_split_table() && !owner.is_any_copy_under_way();
        if !is_stable || !owner.covers(fd) || !socket::is_tcp(fd) {
            return None;
        }
        let is_last = self.is_last_reference(fd, is_leaving)?
            || (1..ASKED).any(|_| self.is_last_reference(fd, is_leaving) == Some(true));
        self.context.counters.counted_by_kernel();
        Some(if is_last { Standing::Last } else { Standing::Unprovable(Doubt::Found) })
    }

    fn is_last_reference(&self, fd: Fd, is_leaving: bool) -> Option<bool> {
        let answer = self.refs.ask(fd)?;
        let ours = if is_leaving && answer.count > 1 { numbers_of(fd) } else { 1 };
        Some(answer.count == ours && !answer.is_table_shared)
    }

    /// Whether no request of a ring holds `fd`: what the kernel has said, or says now.
    pub(super) fn is_free_of_rings(&self, owner: Owner<'_>, fd: Fd, said: Option<Standing>, is_leaving: bool) -> bool {
        said.or_else(|| self.counted_by_kernel(owner, fd, is_leaving)) == Some(Standing::Last)
    }

    /// Whether the kernel says that no epoll set watches the connection of `fd`.
    pub(super) fn is_unwatched(&self, fd: Fd) -> bool {
        self.refs.ask(fd).is_some_and(|answer| !answer.is_watched)
    }

    /// Whether sets may be changed where no hook sees it: through a ring.
    pub(super) fn may_be_watched_unseen(&self, owner: Owner<'_>) -> bool {
        self.ledger.is_blind() || self.rings.was_one_seen() && self.has_unseen_ring(owner)
    }

    /// Whether the connection that the program has given up as `fd`, and of which we have
    /// `copy`, has been put into a set since we had left all.
    pub(super) fn has_been_entered(&self, fd: Fd, copy: Option<Fd>) -> bool {
        let may_have_ring = || self.ledger.owner().is_some_and(|owner| self.has_unseen_ring(owner));
        let is_unseen = || self.ledger.is_blind() || self.rings.was_one_seen() && may_have_ring();
        let may_be_unseen = || is_unseen() && !copy.is_some_and(|copy| self.is_unwatched(copy));
        self.ledger.has_been_entered(fd) || may_be_unseen()
    }
}

/// Of what was opened by hooks all numbers are known. A process that closes its only connection
/// has nobody else to serve.
fn scope_of(owner: Owner<'_>, claim: Claim, is_leaving: bool) -> Scope {
    Scope {
        trust_self: is_leaving || !claim.is_foreign,
        is_patient: is_leaving || owner.next_known(0, |_| true).is_none(),
        in_family: !claim.is_foreign,
    }
}

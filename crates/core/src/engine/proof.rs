//! Whether this process holds the last reference to a connection: three sources, in this order.
//!
//! 1. The ledger's counts ([`crate::holders::ledger`]). If they say that another process holds the
//!    connection, or that none does, that is final.
//! 2. Where the counts cannot know: the kernel's own count, if root has installed it
//!    ([`crate::holders::refs`]). It includes messages in flight, requests and registered files of
//!    rings, and threads inside a call.
//! 3. Else a look at procfs ([`crate::holders::judge`]), where a look can find every holder.
//!
//! Context: hooks of any kind, on the program's threads.

use super::Engine;
use crate::holders::judge::{self, Scope};
use crate::holders::ledger::{Claim, Owner};
use crate::holders::standing::{Doubt, Standing};
use crate::settings::DrainBy;
use crate::sys::ring::ThreadRings;
use crate::sys::{Fd, descriptors, socket, thread};

/// How often the kernel's count is asked: a process that looks at the descriptor in procfs holds a
/// reference for an instant, so one answer "last" is enough.
const ASKED: u32 = 3;

impl Engine {
    /// Has the looker look at all processes ahead of time, if a child may hold a connection that was
    /// made beside its fork.
    pub fn look_ahead(&'static self) {
        if self.ledger.may_have_leaked() && self.context.settings.engine != DrainBy::Inline {
            self.drain.look_ahead();
        }
    }
}

/// How good a claim is that the counts cannot decide, and what the kernel's count has said of it,
/// if it could be asked.
pub(super) fn of(
    engine: &'static Engine,
    owner: Owner<'_>,
    fd: Fd,
    claim: Claim,
    is_leaving: bool,
) -> (Standing, Option<Standing>) {
    let by_kernel = counted_by_kernel(engine, owner, fd, is_leaving);
    (by_kernel.unwrap_or_else(|| judged(engine, owner, fd, claim, is_leaving)), by_kernel)
}

/// What procfs says of a claim that the counts cannot decide. The looker is asked; at the end of
/// the process, and by the inline engine, this thread looks itself.
#[inline(never)]
fn judged(engine: &'static Engine, owner: Owner<'_>, fd: Fd, claim: Claim, is_leaving: bool) -> Standing {
    if claim.standing != Standing::Doubtful {
        return claim.standing;
    }
    // Beyond the table every close would look through all numbers of this process.
    if !owner.covers(fd) || !socket::is_tcp(fd) {
        return Standing::Unprovable(Doubt::Unseen);
    }
    let scope = scope_of(owner, claim, is_leaving);
    if judge::is_in_vain(scope) {
        return Standing::Unprovable(Doubt::Unseen);
    }
    let before = engine.ledger.stamp();
    match look(engine, fd, scope, is_leaving) {
        // A child that another thread has made meanwhile may hold it.
        None if engine.ledger.stamp() != before => Standing::Unprovable(Doubt::Spawned),
        None => Standing::Last,
        Some(doubt) => Standing::Unprovable(doubt),
    }
}

fn look(engine: &'static Engine, fd: Fd, scope: Scope, is_leaving: bool) -> Option<Doubt> {
    if is_leaving || engine.context.settings.engine == DrainBy::Inline || !engine.drain.may_look() {
        judge::doubt(fd, scope)
    } else {
        engine.drain.inquire(fd, scope)
    }
}

/// How good the claim to be the last holder is, by the kernel's own count; `None` where that cannot
/// be asked. If the process `is_leaving`, all its numbers of the connection are given up; else
/// this one is.
///
/// The kernel is not asked while a process is being made: the copy of the table could come after
/// the answer. Nor where a thread has a table of its own: the drain's thread would not find the
/// private duplicate there.
#[inline(never)]
fn counted_by_kernel(engine: &Engine, owner: Owner<'_>, fd: Fd, is_leaving: bool) -> Option<Standing> {
    let is_stable = !owner.has_split_table() && !owner.is_any_copy_under_way();
    if !is_stable || !owner.covers(fd) || !socket::is_tcp(fd) {
        return None;
    }
    let is_last = is_last_reference(engine, fd, is_leaving)?
        || (1..ASKED).any(|_| is_last_reference(engine, fd, is_leaving) == Some(true));
    engine.context.counters.counted_by_kernel();
    Some(if is_last { Standing::Last } else { Standing::Unprovable(Doubt::Found) })
}

fn is_last_reference(engine: &Engine, fd: Fd, is_leaving: bool) -> Option<bool> {
    let answer = engine.refs.ask(fd)?;
    let ours = if is_leaving && answer.count > 1 { numbers_of(fd) } else { 1 };
    Some(answer.count == ours && !answer.is_table_shared)
}

/// Whether no request of a ring holds `fd`: by what the kernel's count has said, or says now.
pub(super) fn is_free_of_rings(
    engine: &Engine,
    owner: Owner<'_>,
    fd: Fd,
    said: Option<Standing>,
    is_leaving: bool,
) -> bool {
    said.or_else(|| counted_by_kernel(engine, owner, fd, is_leaving)) == Some(Standing::Last)
}

/// Whether the kernel's count says that no epoll set watches the connection of `fd`.
pub(super) fn is_unwatched(engine: &Engine, fd: Fd) -> bool {
    engine.refs.ask(fd).is_some_and(|answer| !answer.is_watched)
}

/// Whether epoll sets may be changed without a hook seeing it: through a ring.
pub(super) fn may_be_watched_unseen(engine: &Engine, owner: Owner<'_>) -> bool {
    engine.ledger.is_blind() || engine.rings.was_one_seen() && has_unseen_ring(engine, owner)
}

/// Whether the connection that the program has closed as `fd`, and of which we hold `copy`, has
/// been put into an epoll set after it had left all.
pub(super) fn has_been_entered(engine: &Engine, fd: Fd, copy: Option<Fd>) -> bool {
    let may_have_ring = || engine.ledger.owner().is_some_and(|owner| has_unseen_ring(engine, owner));
    let is_unseen = || engine.ledger.is_blind() || engine.rings.was_one_seen() && may_have_ring();
    let may_be_unseen = || is_unseen() && !copy.is_some_and(|copy| is_unwatched(engine, copy));
    engine.ledger.has_been_entered(fd) || may_be_unseen()
}

/// Whether this thread may have a ring that no hook has seen. Of a ring that hooks have seen, the
/// requests are known ([`crate::holders::ledger::rings`]).
pub(super) fn has_unseen_ring(engine: &Engine, owner: Owner<'_>) -> bool {
    let has_one = match engine.rings.of_thread() {
        ThreadRings::None => false,
        ThreadRings::Some => !owner.rings().is_used_by(thread::number()),
        ThreadRings::Registered => true,
    };
    if has_one {
        engine.rings.note_unseen();
    }
    has_one
}

/// What a look must include. Hooks know all numbers of a connection that they have seen being
/// opened. A process that closes its only connection serves nobody meanwhile, so its look may take
/// longer.
fn scope_of(owner: Owner<'_>, claim: Claim, is_leaving: bool) -> Scope {
    Scope {
        trust_self: is_leaving || !claim.is_foreign,
        is_patient: is_leaving || !owner.knows_any(),
        in_family: !claim.is_foreign,
    }
}

/// How many descriptors of this process refer to the connection of `fd`; never too many.
fn numbers_of(fd: Fd) -> u64 {
    let (cookie, mut count) = (socket::cookie(fd), 0);
    descriptors::each(|other| count += u64::from(cookie.is_some() && socket::cookie(other) == cookie));
    count
}

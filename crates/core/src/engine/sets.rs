//! A connection leaves the epoll sets that watch it before it is half-closed: a program must not
//! see an event of a number that it has closed.
//!
//! Context: hooks of any kind.

use super::{Engine, proof};
use crate::holders::ledger::{Claim, Owner};
use crate::holders::standing::Doubt;
use crate::holders::watch;
use crate::sys::Fd;

/// Takes the connection out of every epoll set that may watch it. False where it cannot be known
/// that none is left; the doubt is counted.
pub(super) fn leave(engine: &Engine, owner: Owner<'_>, fd: Fd, claim: &Claim) -> bool {
    let is_alone = engine.context.is_single_threaded();
    match watch::leave_all(owner, fd, claim, is_alone, |number| engine.drain.owns(number)) {
        Ok(()) if !proof::may_be_watched_unseen(engine, owner) => true,
        Ok(()) => proof::is_unwatched(engine, fd) || note_doubt(engine, Doubt::Watched),
        Err(doubt) => proof::is_unwatched(engine, fd) || note_doubt(engine, doubt),
    }
}

/// As [`leave`], where the process ends: sets that no other process has end with it.
pub(super) fn leave_shared(engine: &Engine, owner: Owner<'_>, fd: Fd, claim: &Claim) -> bool {
    let members = claim.entry.watched.members();
    let is_in_none = members == 0 && claim.watchers == 0;
    let end_with_us = owner.is_private(claim.entry) && claim.watchers <= members;
    let may_be_watched = proof::may_be_watched_unseen(engine, owner) || owner.rings().is_any();
    !may_be_watched && (is_in_none || end_with_us) || leave(engine, owner, fd, claim)
}

/// Counts why it is not known that no set watches the connection. Answers false: it is not known.
pub(super) fn note_doubt(engine: &Engine, doubt: Doubt) -> bool {
    engine.context.counters.doubted(doubt);
    false
}

/// The program closes a number that it has not taken out of its sets, and may hold the
/// connection by another number: the sets go on watching the closed one as long as the
/// connection lasts.
pub(super) fn note_left_behind(owner: Owner<'_>, claim: Claim) {
    if claim.entry.slot.is_none() && claim.entry.watched.members() != 0 {
        owner.sets().leave_behind();
    }
}

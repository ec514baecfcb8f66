//! What a close becomes. The kernel is asked only as far as the decision needs it.
//!
//! Context: hooks of any kind.

use super::{Engine, proof};
use crate::decision::{Facts, Reason, Verdict, decide};
use crate::holders::ledger::{Claim, Owner};
use crate::holders::standing::{Doubt, Standing};
use crate::settings::Strategy;
use crate::strategy::{self, CloseStrategy, choice};
use crate::sys::Fd;
use crate::sys::socket::{self, Phase, Role, TcpInfo};

/// The verdict on a close of `fd`, and the strategy that applies to the connection. Where the
/// process `is_leaving`, all its other numbers of the connection go as well.
pub(super) fn of(
    engine: &'static Engine,
    owner: Owner<'_>,
    fd: Fd,
    info: TcpInfo,
    claim: Claim,
    is_leaving: bool,
) -> (Verdict, Strategy) {
    let is_open = Phase::of(info.state) != Phase::Unconnected && claim.standing != Standing::Shared;
    let name = if is_open { strategy(engine, fd, claim.entry.role) } else { engine.context.settings.strategy };
    let close_strategy = strategy::of(name);
    let decided = |facts| decide(facts, engine.context.settings.role, |facts| close_strategy.verdict(facts));
    let mut facts = facts(owner, fd, info, claim, close_strategy);
    let mut by_kernel = None;
    if matches!(claim.standing, Standing::Doubtful | Standing::Unprovable(_)) {
        // The kernel and procfs are asked only where their answer matters.
        facts.standing = Standing::Last;
        if matches!(decided(facts), Verdict::LeaveAlone(_)) {
            facts.standing = claim.standing;
        } else {
            (facts.standing, by_kernel) = proof::of(engine, owner, fd, claim, is_leaving);
        }
    }
    let is_held_by_ring =
        || proof::has_unseen_ring(engine, owner) && !proof::is_free_of_rings(engine, owner, fd, by_kernel, is_leaving);
    let verdict = match decided(facts) {
        Verdict::LeaveAlone(Reason::Unsure) => unsure(engine, facts.standing),
        verdict @ (Verdict::LeaveAlone(_) | Verdict::Observe) => verdict,
        _ if !engine.rehearsal.is_allowed() => Verdict::LeaveAlone(Reason::Denied),
        // A request that is pending in a ring may hold the connection.
        _ if is_held_by_ring() => unsure(engine, Standing::Unprovable(Doubt::Blind)),
        verdict => verdict,
    };
    (verdict, name)
}

fn facts(owner: Owner<'_>, fd: Fd, info: TcpInfo, claim: Claim, close_strategy: &dyn CloseStrategy) -> Facts {
    let phase = Phase::of(info.state);
    let is_open = phase != Phase::Unconnected && claim.standing != Standing::Shared;
    let minds_unread = phase == Phase::PeerDone || close_strategy.minds_unread();
    Facts {
        phase,
        standing: claim.standing,
        role: claim.entry.role,
        linger: if is_open && owner.may_have_options(claim.entry) { socket::linger(fd) } else { None },
        unread: is_open && minds_unread && socket::unread(fd) != 0,
        sent: is_open && has_sent(owner, fd, info, claim),
    }
}

/// Whether the program may have sent anything. Asked only of a connection that this process may be the last
/// to hold. `info` is older than the claim: another process
/// may have sent all that it had, and ended, in between.
fn has_sent(owner: Owner<'_>, fd: Fd, info: TcpInfo, claim: Claim) -> bool {
    info.has_sent
        || socket::tcp_info(fd).is_ok_and(|info| info.has_sent)
        || owner.may_have_options(claim.entry) && socket::is_mptcp(fd)
}

/// Counts what could not be proved.
fn unsure(engine: &Engine, standing: Standing) -> Verdict {
    if let Standing::Unprovable(doubt) = standing {
        engine.context.counters.doubted(doubt);
    }
    Verdict::LeaveAlone(Reason::Unsure)
}

/// The strategy for a connection of this role, by the user's rules.
pub(super) fn strategy(engine: &Engine, fd: Fd, role: Role) -> Strategy {
    choice::choose(engine.context.settings, fd, role)
}

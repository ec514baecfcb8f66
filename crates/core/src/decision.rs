//! What one close becomes, decided from facts alone: no system call.
//!
//! Context: pure functions, on any thread.

use crate::holders::standing::Standing;
use crate::settings::RolePolicy;
use crate::sys::socket::Phase;
use crate::sys::socket::Role;

/// Why a close was left as the program made it. The last three are no decisions: the number was
/// no TCP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Listening, connecting, or closed already.
    Unconnected,
    /// The peer's FIN has come and nothing is queued: the plain close is graceful.
    PeerDone,
    /// Another process, or another descriptor, still holds the connection.
    Shared,
    /// It cannot be proved that nobody else holds it; see [`Doubt`](crate::holders::standing::Doubt).
    Unsure,
    /// The program asked for a reset (`SO_LINGER{1,0}`).
    ResetAsked,
    /// `SOFTCLOSE_ROLE` excludes it.
    Role,
    /// The connection is being moved to another host (`TCP_REPAIR`).
    Repair,
    /// Another thread is blocked in a write to it.
    Busy,
    /// As many connections are held as may be for a moment (`SOFTCLOSE_MAX_PENDING` and up to 64 more), or
    /// no descriptor is free.
    Full,
    /// The drain's thread could not be started.
    NoThread,
    /// The kernel refuses a system call that a drain needs (seccomp).
    Denied,
    /// The strategy `observe`: nothing is done, and losses are counted.
    Observed,
    /// The program asked for a wait (`SO_LINGER{1,n}`), which the strategy would break.
    WaitAsked,
    /// Something was left unread, and the strategy would not read it: the plain close is
    /// the same reset.
    Unread,
    /// The program never sent a byte. There is no response to lose; and a peer would take what we
    /// discard for delivered, as it is acknowledged.
    NothingSent,
    /// Not a socket at all: a file, a pipe.
    NotASocket,
    /// A socket of another kind: UDP, Unix.
    NotTcp,
    /// No open number: the close fails.
    NotOpen,
}

/// All reasons with their names, in the order of the enum.
pub const REASONS: [(Reason, &str); 18] = [
    (Reason::Unconnected, "unconnected"),
    (Reason::PeerDone, "peer-done"),
    (Reason::Shared, "shared"),
    (Reason::Unsure, "unsure"),
    (Reason::ResetAsked, "reset-asked"),
    (Reason::Role, "role"),
    (Reason::Repair, "repair"),
    (Reason::Busy, "busy"),
    (Reason::Full, "full"),
    (Reason::NoThread, "no-thread"),
    (Reason::Denied, "denied"),
    (Reason::Observed, "observed"),
    (Reason::WaitAsked, "wait-asked"),
    (Reason::Unread, "unread"),
    (Reason::NothingSent, "nothing-sent"),
    (Reason::NotASocket, "not-a-socket"),
    (Reason::NotTcp, "not-tcp"),
    (Reason::NotOpen, "not-open"),
];

impl Reason {
    /// Its name in logs and counters.
    pub fn name(self) -> &'static str {
        REASONS.get(self as usize).map_or("", |(_, name)| name)
    }
}

/// What is known when the decision is made.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// How far the connection has come.
    pub phase: Phase,
    /// How good the claim to be the last holder is. A doubtful claim has been judged before.
    pub standing: Standing,
    /// Which side opened it.
    pub role: Role,
    /// `SO_LINGER` in seconds, where it is on.
    pub linger: Option<u64>,
    /// Whether something was never read. Asked only if the peer's FIN has come, or if the verdict of
    /// the strategy depends on it.
    pub unread: bool,
    /// Whether the program may have sent anything.
    pub sent: bool,
}

/// What a close becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The program's own close, untouched.
    LeaveAlone(Reason),
    /// Discard what is queued, then the program's own close: nothing to wait for.
    Discard,
    /// Hold the connection beyond the close, until its strategy is at its end.
    Hold,
    /// The same, after a wait of up to so many seconds inside the close (`SO_LINGER{1,n}`).
    WaitUpTo(u64),
    /// Do all that the strategy does, right before the program's own close.
    AtOnce,
    /// The program's own close, and a count of what it loses.
    Observe,
}

/// Decides. `strategy` gives the verdict of the strategy; it is asked unless something speaks
/// against acting at all.
pub fn decide(facts: Facts, policy: RolePolicy, strategy: impl FnOnce(Facts) -> Verdict) -> Verdict {
    use Verdict::LeaveAlone;
    match facts {
        Facts { phase: Phase::Unconnected, .. } => return LeaveAlone(Reason::Unconnected),
        Facts { standing: Standing::Shared, .. } => return LeaveAlone(Reason::Shared),
        Facts { linger: Some(0), .. } => return LeaveAlone(Reason::ResetAsked),
        Facts { role, .. } if !covers(policy, role) => return LeaveAlone(Reason::Role),
        _ => {}
    }
    match (strategy(facts), facts.standing) {
        (LeaveAlone(reason), _) => LeaveAlone(reason),
        (_, Standing::Doubtful | Standing::Unprovable(_)) => LeaveAlone(Reason::Unsure),
        (verdict, _) => verdict,
    }
}

/// Whether the policy (`SOFTCLOSE_ROLE`) includes connections of this role.
pub fn covers(policy: RolePolicy, role: Role) -> bool {
    match policy {
        RolePolicy::Both => true,
        RolePolicy::Accepted => role == Role::Accepted,
        RolePolicy::Connected => role == Role::Connected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::holders::standing::Doubt;

    impl Facts {
        /// The everyday close, in which the strategy decides.
        pub const PLAIN: Self = Self {
            phase: Phase::Open,
            standing: Standing::Last,
            role: Role::Accepted,
            linger: None,
            unread: false,
            sent: true,
        };
    }

    const PLAIN: Facts = Facts::PLAIN;

    /// By a strategy that acts on everything but one thing.
    fn table(facts: Facts) -> Verdict {
        if facts.unread { Verdict::LeaveAlone(Reason::Unread) } else { Verdict::Hold }
    }

    fn decided(facts: Facts) -> Verdict {
        decide(facts, RolePolicy::Both, table)
    }

    #[test]
    fn the_last_holder_of_a_connection_does_as_the_strategy_says() {
        assert_eq!(decided(PLAIN), Verdict::Hold);
        assert_eq!(decided(Facts { phase: Phase::PeerDone, ..PLAIN }), Verdict::Hold);
        assert_eq!(decided(Facts { unread: true, ..PLAIN }), Verdict::LeaveAlone(Reason::Unread));
    }

    #[test]
    fn whatever_is_not_connected_is_left_alone() {
        for state in [2, 3, 6, 7, 10, 12, 0, 200] {
            assert_eq!(Phase::of(state), Phase::Unconnected, "{state}");
        }
        let facts = Facts { phase: Phase::Unconnected, ..PLAIN };
        assert_eq!(decided(facts), Verdict::LeaveAlone(Reason::Unconnected));
    }

    #[test]
    fn a_claim_that_is_not_proven_is_left_alone() {
        let with = |standing| decided(Facts { standing, ..PLAIN });
        assert_eq!(with(Standing::Shared), Verdict::LeaveAlone(Reason::Shared));
        assert_eq!(with(Standing::Doubtful), Verdict::LeaveAlone(Reason::Unsure));
        assert_eq!(with(Standing::Unprovable(Doubt::Spawned)), Verdict::LeaveAlone(Reason::Unsure));
    }

    #[test]
    fn a_reset_is_the_programs_own_word() {
        assert_eq!(decided(Facts { linger: Some(0), ..PLAIN }), Verdict::LeaveAlone(Reason::ResetAsked));
    }

    #[test]
    fn what_would_be_left_alone_needs_no_proof() {
        let unsure = Facts { unread: true, standing: Standing::Doubtful, ..PLAIN };
        assert_eq!(decided(unsure), Verdict::LeaveAlone(Reason::Unread));
    }

    #[test]
    fn a_role_that_is_excluded_is_left_alone() {
        let verdict = decide(PLAIN, RolePolicy::Connected, table);
        assert_eq!(verdict, Verdict::LeaveAlone(Reason::Role));
        let facts = Facts { role: Role::Connected, ..PLAIN };
        assert_eq!(decide(facts, RolePolicy::Connected, table), Verdict::Hold);
    }

    #[test]
    fn every_reason_has_its_name_at_its_place() {
        for (at, (reason, name)) in REASONS.into_iter().enumerate() {
            assert_eq!(reason as usize, at);
            assert_eq!(reason.name(), name);
        }
    }
}

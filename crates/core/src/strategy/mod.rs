//! The ways to close a connection.
//!
//! | file | what a close becomes |
//! |---|---|
//! | [`drain`] | FIN, discard until the peer's FIN, close |
//! | [`wait`] | FIN, wait for the peer's FIN without reading, close |
//! | [`both`] | shut both directions, close |
//! | [`linger`] | shut both directions, wait until the FIN is acknowledged, close: as `SO_LINGER{1,n}` |
//! | [`abort`] | `SO_LINGER{1,0}`, close |
//! | [`peer_first`] | discard until the peer's FIN for a moment, then as [`drain`] |
//! | [`observe`] | the program's own close, and a note of what it loses |
//!
//! A strategy says three things: what a close becomes if nothing speaks against acting at all,
//! what is done to the connection, and when that is over. It does not know who holds the socket,
//! which epoll sets watch it, which bounds there are, or which thread waits: these are the same
//! for all strategies.
//!
//! What the program itself has asked for goes first. After `SO_LINGER{1,0}` its close is left
//! alone under every strategy. After `SO_LINGER{1,n}` the strategies that deliver wait for n
//! seconds inside `close`; the others leave the close alone.
//!
//! Context: any hook, and the drainer's thread. No wait, no allocation.

pub mod abort;
pub mod both;
pub mod choice;
pub mod drain;
pub mod linger;
pub mod observe;
pub mod peer_first;
pub mod wait;

use crate::bounds::{Bounds, End};
use crate::decision::{Facts, Reason, Verdict};
use crate::discard::Step;
use crate::settings::{Settings, Strategy};
use crate::sys::Fd;
use crate::sys::poller::Interest;
use crate::sys::socket::Phase;
use crate::sys::socket::Role;

/// One way to close a connection. The default methods are those of a strategy that is done at
/// once and waits for nothing.
pub trait CloseStrategy: Sync {
    /// The name of the strategy in settings, counters and logs.
    fn name(&self) -> Strategy;

    /// What a close becomes if the caller has no objection.
    fn verdict(&self, facts: Facts) -> Verdict;

    /// Whether the verdict depends on unread data even where the peer may still send.
    fn minds_unread(&self) -> bool {
        false
    }

    /// Whether the strategy cannot work once the program has shut the receive side.
    fn needs_receive_side(&self) -> bool {
        false
    }

    /// How long to wait before [`begin_close`](Self::begin_close), in milliseconds.
    fn patience_ms(&self, _settings: &Settings) -> u32 {
        0
    }

    /// Begins the close: what the peer sees first. It does not wait.
    fn begin_close(&self, fd: Fd);

    /// Whether [`begin_close`](Self::begin_close) causes an event in epoll sets that watch the
    /// socket.
    fn wakes_pollers(&self) -> bool {
        true
    }

    /// For the inline engine: has the program's own close wait by itself, for `timeout_ms`
    /// milliseconds at most (0: no limit). False if the engine has to wait.
    fn leave_to_close(&self, _fd: Fd, _timeout_ms: u32) -> bool {
        false
    }

    /// Whether the strategy reads what comes in. Only then can it notice that the peer is silent.
    fn reads(&self) -> bool {
        false
    }

    /// Which events the strategy waits for.
    fn interest(&self) -> Interest {
        Interest::CHANGE
    }

    /// Advances a connection that is held: discards what there is to discard, and says whether
    /// the connection is at its end. It does not wait.
    fn step(&self, _fd: Fd) -> Step {
        Step::End(0, End::AtOnce)
    }
}

impl dyn CloseStrategy {
    /// The bounds of a drain under this strategy: how long and how much.
    pub fn bounds(&self, settings: &Settings, role: Role) -> Bounds {
        let bounds = Bounds::of(settings, role);
        if self.reads() { bounds } else { bounds.without_silence() }
    }
}

/// The strategy of that name.
pub fn of(name: Strategy) -> &'static dyn CloseStrategy {
    match name {
        Strategy::Drain => &drain::DrainStrategy,
        Strategy::Wait => &wait::WaitStrategy,
        Strategy::Both => &both::BothStrategy,
        Strategy::Linger => &linger::LingerStrategy,
        Strategy::Abort => &abort::AbortStrategy,
        Strategy::PeerFirst => &peer_first::PeerFirstStrategy,
        Strategy::Observe => &observe::ObserveStrategy,
    }
}

/// The verdicts of the strategies that deliver. With the peer's FIN there is nothing to wait for;
/// where nothing was sent there is nothing to deliver.
fn delivered(facts: Facts) -> Verdict {
    match facts {
        Facts { phase: Phase::PeerDone, unread: false, .. } => Verdict::LeaveAlone(Reason::PeerDone),
        Facts { sent: false, .. } => Verdict::LeaveAlone(Reason::NothingSent),
        Facts { phase: Phase::PeerDone, .. } => Verdict::Discard,
        Facts { linger: Some(seconds), .. } => Verdict::WaitUpTo(seconds),
        _ => Verdict::Hold,
    }
}

/// `verdict`, unless the program has asked its close to wait: then the close is left alone.
fn unless_asked(facts: Facts, verdict: Verdict) -> Verdict {
    if facts.linger.is_some() { Verdict::LeaveAlone(Reason::WaitAsked) } else { verdict }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::strategy::STRATEGIES;

    const PLAIN: Facts = Facts::PLAIN;
    const UNREAD: Facts = Facts { unread: true, ..PLAIN };
    const DONE: Facts = Facts { phase: Phase::PeerDone, ..PLAIN };
    const LINGERS: Facts = Facts { linger: Some(3), ..PLAIN };

    fn verdicts(name: Strategy) -> [Verdict; 5] {
        [PLAIN, UNREAD, DONE, Facts { unread: true, ..DONE }, LINGERS].map(|facts| of(name).verdict(facts))
    }

    #[test]
    fn each_has_its_own_table() {
        use Reason::{PeerDone, Unread, WaitAsked};
        use Verdict::{AtOnce, Discard, Hold, LeaveAlone, Observe, WaitUpTo};
        let delivers = [Hold, Hold, LeaveAlone(PeerDone), Discard, WaitUpTo(3)];
        assert_eq!(verdicts(Strategy::Drain), delivers);
        assert_eq!(verdicts(Strategy::PeerFirst), delivers);
        let plain = LeaveAlone(PeerDone);
        assert_eq!(verdicts(Strategy::Wait), [Hold, Hold, plain, plain, LeaveAlone(WaitAsked)]);
        assert_eq!(verdicts(Strategy::Both), [AtOnce, AtOnce, plain, AtOnce, LeaveAlone(WaitAsked)]);
        let unread = LeaveAlone(Unread);
        assert_eq!(verdicts(Strategy::Linger), [Hold, unread, plain, unread, LeaveAlone(WaitAsked)]);
        assert_eq!(verdicts(Strategy::Abort), [AtOnce, AtOnce, AtOnce, AtOnce, LeaveAlone(WaitAsked)]);
        assert_eq!(verdicts(Strategy::Observe), [Observe, Observe, plain, Observe, Observe]);
    }

    #[test]
    fn where_nothing_was_sent_there_is_nothing_to_save() {
        use Reason::{NothingSent, PeerDone, Unread};
        let silent = |facts| Facts { sent: false, ..facts };
        let verdict = |name, facts| of(name).verdict(silent(facts));
        for name in [Strategy::Drain, Strategy::PeerFirst, Strategy::Observe] {
            assert_eq!(verdict(name, PLAIN), Verdict::LeaveAlone(NothingSent), "{name:?}");
            assert_eq!(verdict(name, LINGERS), Verdict::LeaveAlone(NothingSent), "{name:?}");
            assert_eq!(verdict(name, Facts { unread: true, ..DONE }), Verdict::LeaveAlone(NothingSent), "{name:?}");
            assert_eq!(verdict(name, DONE), Verdict::LeaveAlone(PeerDone), "{name:?}");
        }
        assert_eq!(verdict(Strategy::Wait, PLAIN), Verdict::LeaveAlone(NothingSent));
        assert_eq!(verdict(Strategy::Linger, PLAIN), Verdict::LeaveAlone(NothingSent));
        assert_eq!(verdict(Strategy::Linger, UNREAD), Verdict::LeaveAlone(Unread));
        // What these are asked for is no response: a reset, an end in both directions.
        assert_eq!(verdict(Strategy::Abort, PLAIN), Verdict::AtOnce);
        assert_eq!(verdict(Strategy::Both, PLAIN), Verdict::AtOnce);
    }

    #[test]
    fn each_is_found_by_its_name() {
        for name in STRATEGIES {
            assert_eq!(of(name).name(), name);
        }
    }

    #[test]
    fn only_one_that_reads_notices_silence() {
        let settings = crate::settings::read(|_| None::<String>).settings;
        for name in STRATEGIES {
            let bounds = of(name).bounds(&settings, Role::Accepted);
            assert_eq!(bounds.timeout_ms, settings.timeout_ms);
            assert_eq!(bounds.idle_ms != 0, of(name).reads(), "{name:?}");
        }
    }
}

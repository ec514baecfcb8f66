//! The ways to close a connection.
//!
//! | file | what a close becomes |
//! |---|---|
//! | [`drain`] | FIN, discard until the peer's FIN, close |
//! | [`wait`] | FIN, wait for the peer's FIN without reading, close |
//! | [`both`] | shut both directions, close |
//! | [`linger`] | `SO_LINGER{1,n}`, close |
//! | [`abort`] | `SO_LINGER{1,0}`, close |
//! | [`peer_first`] | discard until the peer's FIN for a moment, then as [`drain`] |
//! | [`observe`] | the program's own close, and a note of what it loses |
//!
//! A strategy says what is decided where nothing speaks against acting at all, what is
//! done to the connection, and when it is over. Who holds the socket, whether an epoll
//! set watches it, which bounds there are and who waits is the same for all of them,
//! and none of a strategy's business.
//!
//! A program's own word goes first: after `SO_LINGER{1,0}` its close is left alone
//! whatever the strategy; after `SO_LINGER{1,n}` the strategies that deliver wait for as
//! long inside `close`, and the others leave the close alone.
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

/// One way to close a connection. What is not said otherwise is that of a way which is done at
/// once and waits for nothing.
pub trait CloseStrategy: Sync {
    /// Its name.
    fn name(&self) -> Strategy;

    /// What a close becomes of which the caller has nothing to object to.
    fn verdict(&self, facts: Facts) -> Verdict;

    /// Whether the verdict on a connection whose peer may still send depends on what
    /// was left unread.
    fn minds_unread(&self) -> bool {
        false
    }

    /// Whether it is spoilt by a receive side that the program has shut.
    fn needs_receive_side(&self) -> bool {
        false
    }

    /// How long it waits before it [parts](Self::part), in milliseconds.
    fn patience_ms(&self, _settings: &Settings) -> u32 {
        0
    }

    /// Begins the close: does what the peer sees first.
    fn begin_close(&self, fd: Fd);

    /// Whether that wakes who watches the socket.
    fn wakes_pollers(&self) -> bool {
        true
    }

    /// Has the program's own close wait by itself, where it may, for at most so many
    /// milliseconds (0: no limit). False where it has to be waited for.
    fn leave_to_close(&self, _fd: Fd, _timeout_ms: u32) -> bool {
        false
    }

    /// Whether it reads what comes in. Only who reads notices that the peer is silent.
    fn reads(&self) -> bool {
        false
    }

    /// What it waits for.
    fn interest(&self) -> Interest {
        Interest::CHANGE
    }

    /// Looks at a connection that waits, and takes from it what there is to take.
    fn step(&self, _fd: Fd) -> Step {
        Step::End(0, End::AtOnce)
    }
}

impl dyn CloseStrategy {
    /// How long and how much.
    pub fn bounds(&self, settings: &Settings, role: Role) -> Bounds {
        let bounds = Bounds::of(settings, role);
        if self.reads() { bounds } else { bounds.without_silence() }
    }
}

/// The strategy of that name.
pub fn of(name: Strategy) -> &'static dyn CloseStrategy {
    match name {
        Strategy::Drain => &drain::Drain,
        Strategy::Wait => &wait::Wait,
        Strategy::Both => &both::Both,
        Strategy::Linger => &linger::Linger,
        Strategy::Abort => &abort::Abort,
        Strategy::PeerFirst => &peer_first::PeerFirst,
        Strategy::Observe => &observe::Observe,
    }
}

/// The table of those that deliver: with the peer's FIN there is nothing to wait for, and
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

/// `verdict`, unless the program has asked for a wait: then it gets it, natively.
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
        let settings = crate::settings::read(|_| None).settings;
        for name in STRATEGIES {
            let bounds = of(name).bounds(&settings, Role::Accepted);
            assert_eq!(bounds.timeout_ms, settings.timeout_ms);
            assert_eq!(bounds.idle_ms != 0, of(name).reads(), "{name:?}");
        }
    }
}

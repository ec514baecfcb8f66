//! All of softclose behind one door, for the hooks.
//!
//! Every way to end a socket has the same shape: [`Engine::prepare`] (probe,
//! prove, leave epoll, take a private duplicate), the program's own call, then
//! [`Prepared::commit`] (half-close and hand over), or [`Prepared::abandon`] if
//! that call has failed.
//!
//! Context: hooks of any kind. Nothing here allocates; only the inline engine,
//! `SO_LINGER{1,n}` and the end of the process wait, within bounds.

use crate::bounds::End;
use crate::common::{Common, Ended};
use crate::decision::{Doubt, Facts, Phase, Reason, Verdict, decide};
use crate::drain::Drain;
use crate::drain::hand_over::{Reserved, may_be_written_to};
use crate::judge::writers::{self, Writers};
use crate::judge::{self, Scope};
use crate::ledger::family::Token;
use crate::ledger::table::Role;
use crate::ledger::{Claim, Ledger, Owner, Standing};
use crate::log::note::Note;
use crate::settings::{Engine as Waits, LogLevel, Strategy};
use crate::strategy::{self, choice};
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::rehearsal::Rehearsal;
use crate::sys::ring::Rings;
use crate::sys::socket::{self, TcpInfo};
use crate::{finish, watch};

/// One process' softclose.
pub struct Engine {
    /// What all parts use.
    pub common: &'static Common,
    /// Whose socket is it.
    pub ledger: &'static Ledger,
    /// What is held.
    pub drain: Drain,
    /// Whether a drain is possible at all.
    pub rehearsal: Rehearsal,
    /// Rings that no hook has seen.
    pub rings: Rings,
}

/// A connection that is being closed.
#[derive(Clone, Copy)]
struct Closing<'a> {
    owner: Owner<'a>,
    fd: Fd,
    claim: Claim,
    strategy: Strategy,
    /// Nothing that was written is still on its way.
    is_acknowledged: bool,
}

impl Closing<'_> {
    fn role(self) -> Role {
        self.claim.entry.role
    }
}

/// A fork that is being made.
#[derive(Clone, Copy)]
pub struct Fork {
    /// Whom the counts have its child as; `None`: it has no connections.
    pub child: Option<Token>,
}

/// What has been prepared for one close.
#[must_use = "commit it after the program's own call, or abandon it"]
pub enum Prepared {
    /// The program's own close is all there is.
    Plain,
    /// A private duplicate is to be half-closed and drained.
    Held(Reserved),
}

impl Prepared {
    /// The program's own call has succeeded.
    pub fn commit(self) {
        match self {
            Self::Plain => {}
            Self::Held(reserved) => reserved.commit(),
        }
    }

    /// The program's own call has failed.
    pub fn abandon(self) {
        match self {
            Self::Plain => {}
            Self::Held(reserved) => reserved.abandon(),
        }
    }
}

impl Engine {
    /// Before the program closes `fd`, a TCP socket with this `info`.
    ///
    /// Not inlined: what is not TCP must not pay for our stack.
    #[inline(never)]
    pub fn prepare(&'static self, owner: Owner<'_>, fd: Fd, info: TcpInfo) -> Prepared {
        if Phase::of(info.state) != Phase::Unconnected {
            self.common.counters.show();
        }
        let claim = owner.release(fd);
        let (verdict, strategy) = self.verdict(owner, fd, info, claim, false);
        let closing = Closing { owner, fd, claim, strategy, is_acknowledged: info.is_acknowledged };
        let prepared = match verdict {
            Verdict::LeaveAlone(reason) => self.leave_alone(fd, claim.entry.role, reason),
            Verdict::Observe => self.observe(fd, claim.entry.role),
            Verdict::Discard => self.discard(fd, claim.entry.role, strategy),
            Verdict::AtOnce => self.at_once(closing),
            Verdict::WaitUpTo(seconds) => self.wait(closing, seconds),
            Verdict::Hold => self.hold(closing),
        };
        match prepared {
            Prepared::Held(_) => self.drain.revoke(fd),
            Prepared::Plain => self.drain.cash_in(fd),
        }
        prepared
    }

    /// Before a fork that hooks follow. A server's listener is open by now: its workers
    /// count into one page.
    pub fn before_fork(&'static self, owner: Owner<'_>) -> Fork {
        if owner.has_sockets() {
            self.common.counters.show();
        }
        self.common.counters.before_fork();
        Fork { child: owner.before_fork() }
    }

    /// That fork has failed.
    pub fn not_forked(&self, owner: Owner<'_>, fork: Fork) {
        self.common.counters.not_forked();
        owner.not_forked(fork.child);
    }

    /// After a fork, in the child.
    pub fn become_child(&self, fork: Fork) {
        self.drain.become_child();
        self.ledger.become_child(fork.child);
        self.common.counters.become_child();
    }

    /// Looks at the kernel only as far as the decision needs it; `leaving` says
    /// that the process ends, and every number of it with it.
    fn verdict(&self, owner: Owner<'_>, fd: Fd, info: TcpInfo, claim: Claim, leaving: bool) -> (Verdict, Strategy) {
        let phase = Phase::of(info.state);
        let open = phase != Phase::Unconnected && claim.standing != Standing::Shared;
        let strategy = if open { self.strategy(fd, claim.entry.role) } else { self.common.settings.strategy };
        let goodbye = strategy::of(strategy);
        let minds_unread = phase == Phase::PeerDone || goodbye.minds_unread();
        let decided = |facts| decide(facts, self.common.settings.role, |facts| goodbye.verdict(facts));
        let mut facts = Facts {
            phase,
            standing: claim.standing,
            role: claim.entry.role,
            linger: if open && owner.may_have_options(claim.entry) { socket::linger(fd) } else { None },
            unread: open && minds_unread && socket::unread(fd) != 0,
            sent: info.has_sent || owner.may_have_options(claim.entry) && socket::is_mptcp(fd),
        };
        if claim.standing == Standing::Doubtful {
            // Procfs is asked only where its answer matters.
            facts.standing = Standing::Last;
            if matches!(decided(facts), Verdict::LeaveAlone(_)) {
                facts.standing = Standing::Doubtful;
            } else {
                facts.standing = judged(owner, fd, claim, leaving);
            }
        }
        let verdict = match decided(facts) {
            verdict @ (Verdict::LeaveAlone(_) | Verdict::Observe) => verdict,
            _ if !self.rehearsal.is_allowed() => Verdict::LeaveAlone(Reason::Denied),
            _ if self.rings.has_one() => self.blind(),
            verdict => verdict,
        };
        (verdict, strategy)
    }

    /// A request that is pending in a ring may hold the connection.
    fn blind(&self) -> Verdict {
        self.common.counters.doubted(Doubt::Blind);
        Verdict::LeaveAlone(Reason::Unsure)
    }

    /// The strategy for a connection of this role.
    fn strategy(&self, fd: Fd, role: Role) -> Strategy {
        choice::choose(self.common.settings, fd, role)
    }

    /// Leaves every epoll set of this process; false where that cannot be known.
    fn leave_sets(&self, closing: Closing<'_>) -> bool {
        let Closing { owner, fd, claim: Claim { entry, .. }, .. } = closing;
        let followed = entry.slot.is_some() && !entry.outlived && !self.drain.has_unseen_sets(owner);
        watch::leave_all(fd, entry.watched, followed)
    }

    /// The program's own close follows on this thread: only another one could see an
    /// event between the two.
    fn at_once(&self, closing: Closing<'_>) -> Prepared {
        let Closing { fd, strategy, .. } = closing;
        let is_seen = strategy::of(strategy).rouses() && !self.common.is_single_threaded();
        if let Some(reason) = self.hands_off(closing, self.writers(closing), false) {
            self.leave_alone(fd, closing.role(), reason)
        } else if is_seen && !self.leave_sets(closing) {
            self.leave_alone(fd, closing.role(), Reason::Unsure)
        } else {
            self.part(fd, closing.role(), strategy)
        }
    }

    /// All that a strategy does which waits for nothing; the program's own close is next.
    fn part(&self, fd: Fd, role: Role, strategy: Strategy) -> Prepared {
        self.in_place(fd, role, strategy, || {
            strategy::of(strategy).part(fd);
            (End::AtOnce, 0)
        })
    }

    /// A drain that is over before the program's own close; `drain` answers how it ended,
    /// and how many bytes were discarded.
    fn in_place(&self, fd: Fd, role: Role, strategy: Strategy, drain: impl FnOnce() -> (End, u64)) -> Prepared {
        let (note, begun) = (self.common.note(fd, role), Millis::now());
        self.common.counters.begun();
        let (end, discarded) = drain();
        self.common.ended(Ended { fd: Some(fd), note: note.as_ref(), strategy, end, discarded, begun });
        Prepared::Plain
    }

    fn hold(&'static self, closing: Closing<'_>) -> Prepared {
        let Closing { fd, strategy, .. } = closing;
        let writers = self.writers(closing);
        let is_patient = self.common.settings.engine == Waits::Thread;
        if let Some(reason) = self.hands_off(closing, writers, is_patient) {
            return self.leave_alone(fd, closing.role(), reason);
        }
        if !self.leave_sets(closing) {
            return self.leave_alone(fd, closing.role(), Reason::Unsure);
        }
        match self.common.settings.engine {
            Waits::Inline => self.stay(fd, closing.role(), strategy),
            Waits::Thread => self.hand_over(closing, writers),
        }
    }

    fn hand_over(&'static self, closing: Closing<'_>, writers: Writers) -> Prepared {
        let Closing { owner, fd, claim, strategy, .. } = closing;
        let cookie = claim.cookie.or_else(|| socket::cookie(fd)).ok_or(Reason::Unsure);
        match cookie.and_then(|cookie| self.drain.reserve(owner, fd, cookie, closing.role(), strategy)) {
            Ok(reserved) => {
                reserved.expect(writers);
                Prepared::Held(reserved)
            }
            Err(reason) => self.leave_alone(fd, closing.role(), reason),
        }
    }

    fn writers(&self, closing: Closing<'_>) -> Writers {
        let Closing { owner, fd, claim, is_acknowledged, .. } = closing;
        let is_done = is_acknowledged && !owner.may_have_options(claim.entry);
        let none = self.common.is_single_threaded() || is_done || !may_be_written_to(fd);
        if none { Writers::None } else { writers::on(fd) }
    }

    /// A last reference that is not to be half-closed all the same. A writer that is
    /// blocked now is found here; one that runs now, or of which nobody can tell, by
    /// the drainer, which is patient.
    fn hands_off(&self, closing: Closing<'_>, writers: Writers, is_patient: bool) -> Option<Reason> {
        let Closing { owner, fd, claim, .. } = closing;
        match writers {
            _ if owner.may_have_options(claim.entry) && socket::is_under_repair(fd) => Some(Reason::Repair),
            Writers::Blocked => Some(Reason::Busy),
            Writers::Unknown if !is_patient => Some(Reason::Busy),
            Writers::Unknown | Writers::Running | Writers::None => None,
        }
    }

    /// What the program asked to wait for is waited for; the rest is as always.
    fn wait(&'static self, closing: Closing<'_>, seconds: u64) -> Prepared {
        let fd = closing.fd;
        let ms = u32::try_from(seconds.saturating_mul(1000)).unwrap_or(u32::MAX / 4);
        if let Some(reason) = self.hands_off(closing, self.writers(closing), false) {
            return self.leave_alone(fd, closing.role(), reason);
        }
        self.drain.revoke(fd);
        finish::until_acknowledged(fd, ms);
        socket::linger_off(fd);
        self.hold(closing)
    }

    /// The inline engine: `close` itself waits.
    fn stay(&self, fd: Fd, role: Role, strategy: Strategy) -> Prepared {
        let settings = self.common.settings;
        let goodbye = strategy::of(strategy);
        socket::stop_signals(fd);
        self.in_place(fd, role, strategy, || {
            if goodbye.leave_to_close(fd, settings.timeout_ms) {
                (End::AtOnce, 0)
            } else {
                finish::one(fd, goodbye, goodbye.bounds(settings, role), goodbye.patience_ms(settings))
            }
        })
    }

    fn discard(&self, fd: Fd, role: Role, strategy: Strategy) -> Prepared {
        self.in_place(fd, role, strategy, || (End::Fin, finish::discard_queued(fd)))
    }

    fn leave_alone(&self, fd: Fd, role: Role, reason: Reason) -> Prepared {
        self.common.counters.left_alone(reason);
        let level = match reason {
            Reason::Full | Reason::NoThread => LogLevel::Error,
            _ => LogLevel::Debug,
        };
        self.common.report(level, |line| {
            line.text(" left alone").connection(Some(&Note::of(fd, role))).word("reason", reason.name());
        });
        Prepared::Plain
    }
}

/// What procfs says of a claim that the counts cannot decide.
#[inline(never)]
fn judged(owner: Owner<'_>, fd: Fd, claim: Claim, leaving: bool) -> Standing {
    let counted = claim.entry.slot.is_some();
    let scope = Scope { trust_self: counted || leaving, in_family: counted, others: claim.others };
    // A process with more numbers than the table has would be looked through for
    // each of them.
    if owner.covers(fd) && socket::is_tcp(fd) && judge::is_alone(fd, scope) {
        Standing::Last
    } else {
        Standing::Doubtful
    }
}

pub mod exec;
pub mod exit;
pub mod numbers;
mod observe;
pub mod shutdown;

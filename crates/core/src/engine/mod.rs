//! All of softclose behind one door, for the hooks.
//!
//! Every way to end a socket has the same shape: [`Engine::prepare`] (probe,
//! prove, leave epoll, take a private duplicate), the program's own call, then
//! [`Prepared::commit`] (half-close and hand over), or [`Prepared::abandon`] if
//! that call has failed.
//!
//! Context: hooks of any kind. Nothing here allocates; only the inline engine and the end
//! of the process wait, within bounds, and `SO_LINGER{1,n}`, with nothing held
//! ([`Lingering`]).

use crate::bounds::End;
use crate::context::{Context, Ended};
use crate::decision::{Facts, Reason, Verdict, decide};
use crate::drain::Drain;
use crate::drain::hand_over::{Reserved, may_be_blocked_in_write, may_be_written_to};
use crate::drain::lingering::Lingering;
use crate::holders::ledger::family::Token;
use crate::holders::ledger::{Claim, Ledger, Owner};
use crate::holders::refs::Refs;
use crate::holders::standing::{Doubt, Standing};
use crate::holders::watch;
use crate::inline;
use crate::log::note::Note;
use crate::presence::Presence;
use crate::settings::{DrainBy, LogLevel, Strategy};
use crate::strategy::{self, choice};
use crate::sys::Fd;
use crate::sys::clock::Millis;
use crate::sys::rehearsal::Rehearsal;
use crate::sys::ring::{ThreadRings, UnseenRings};
use crate::sys::socket::Phase;
use crate::sys::socket::Role;
use crate::sys::socket::{self, TcpInfo};
use crate::sys::thread;

/// One process' softclose.
pub struct Engine {
    /// What all parts use.
    pub context: &'static Context,
    /// Whose socket is it.
    pub ledger: &'static Ledger,
    /// What is held.
    pub drain: Drain,
    /// Whether a drain is possible at all.
    pub rehearsal: Rehearsal,
    /// Rings that no hook has seen.
    pub rings: UnseenRings,
    /// The kernel's own count of references.
    pub refs: Refs,
    /// Who is in here.
    pub presence: Presence,
}

/// Whether the program has anything to lose. `info` is older than the claim: another process
/// may have sent everything, and ended, in between.
fn has_sent(owner: Owner<'_>, fd: Fd, info: TcpInfo, claim: Claim) -> bool {
    info.has_sent
        || socket::tcp_info(fd).is_ok_and(|info| info.has_sent)
        || owner.may_have_options(claim.entry) && socket::is_mptcp(fd)
}

/// For how long a close of the inline engine waits at most: a peer that sends a byte now
/// and then must not hold the program's thread for all of `SOFTCLOSE_TIMEOUT`.
const MOST_INLINE_MS: u32 = 1000;

/// A connection that is being closed.
#[derive(Clone, Copy)]
struct Closing<'a> {
    owner: Owner<'a>,
    fd: Fd,
    claim: Claim,
    strategy: Strategy,
    /// Nothing that was written is still on its way.
    is_acknowledged: bool,
    /// So many milliseconds the program has asked its close to wait.
    linger_ms: Option<u32>,
}

impl Closing<'_> {
    fn role(self) -> Role {
        self.claim.entry.role
    }

    fn stay(self) -> Stay {
        Stay { role: self.role(), strategy: self.strategy, linger_ms: self.linger_ms }
    }
}

/// What the inline engine does inside the call that closes.
#[derive(Clone, Copy)]
pub struct Stay {
    role: Role,
    strategy: Strategy,
    linger_ms: Option<u32>,
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
    /// The same, and for so many milliseconds the program has asked its call to wait.
    Lingering(Reserved, u32),
    /// A private duplicate is to be drained by the inline engine.
    Staying(Reserved, Stay),
}

impl Prepared {
    fn reserved(&self) -> Option<&Reserved> {
        match self {
            Self::Plain => None,
            Self::Held(reserved) | Self::Lingering(reserved, _) | Self::Staying(reserved, _) => Some(reserved),
        }
    }

    /// Whether to commit it takes a while: then signals must come in.
    pub fn waits(&self) -> bool {
        matches!(self, Self::Staying(..))
    }

    /// The program's own call has failed.
    pub fn abandon(self) {
        match self {
            Self::Plain => {}
            Self::Held(reserved) | Self::Lingering(reserved, _) | Self::Staying(reserved, _) => reserved.abandon(),
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
            self.context.counters.publish();
        }
        let claim = owner.release(fd);
        let (verdict, strategy) = self.verdict(owner, fd, info, claim, false);
        let is_acknowledged = info.is_acknowledged;
        let closing = Closing { owner, fd, claim, strategy, is_acknowledged, linger_ms: None };
        let prepared = match verdict {
            Verdict::LeaveAlone(reason) => self.leave_alone(fd, claim.entry.role, reason),
            Verdict::Observe => self.observe(fd, claim.entry.role),
            Verdict::Discard => self.discard(fd, claim.entry.role, strategy),
            Verdict::AtOnce => self.at_once(closing),
            Verdict::WaitUpTo(seconds) => self.linger(closing, seconds),
            Verdict::Hold => self.hold(closing),
        };
        if let Verdict::LeaveAlone(Reason::Unsure | Reason::NothingSent) = verdict {
            left_in_its_sets(owner, claim);
        }
        match prepared {
            Prepared::Plain => self.drain.apply_now(fd),
            _ => self.drain.cancel(fd),
        }
        prepared
    }

    /// After the program's own call has given up `fd`. Another thread that has begun to put
    /// it into an epoll set, after we had left all, may have done so: nobody could take it
    /// out again. Answers what the call is to wait for.
    pub fn commit(&self, fd: Fd, prepared: Prepared) -> Option<Lingering> {
        let is_entered = prepared.reserved().is_some_and(|reserved| self.has_been_entered(fd, reserved.fd()));
        match prepared {
            prepared if is_entered => self.give_up(prepared),
            Prepared::Plain => {}
            Prepared::Held(reserved) => reserved.commit(),
            Prepared::Staying(reserved, stay) => self.stay_apart(reserved, stay),
            Prepared::Lingering(reserved, ms) => {
                reserved.fd().into_iter().for_each(socket::linger_off);
                return reserved.commit_lingering(ms);
            }
        }
        None
    }

    fn give_up(&self, prepared: Prepared) {
        // Here it would wait for the peer with signals held back.
        prepared.reserved().and_then(Reserved::fd).into_iter().for_each(socket::linger_off);
        prepared.abandon();
        self.context.counters.left_alone(Reason::Unsure);
        self.doubt(Doubt::Watched);
    }

    /// Before a fork that hooks follow. A server's listener is open by now: its workers
    /// count into one page.
    pub fn before_fork(&'static self, owner: Owner<'_>) -> Fork {
        if owner.has_sockets() {
            self.context.counters.publish();
        }
        self.context.counters.before_fork();
        Fork { child: owner.before_fork() }
    }

    /// That fork has failed.
    pub fn not_forked(&self, owner: Owner<'_>, fork: Fork) {
        self.context.counters.not_forked();
        owner.not_forked(fork.child);
    }

    /// After a fork, in the child.
    pub fn become_child(&self, fork: Fork) {
        self.drain.become_child();
        self.ledger.become_child(fork.child);
        self.context.counters.become_child();
    }

    /// Whether the program's own close of `fd` may wait for the peer: then signals must come
    /// in.
    pub fn may_linger(&self, owner: Owner<'_>, fd: Fd) -> bool {
        owner.may_linger(fd) && socket::linger(fd).is_some_and(|seconds| seconds != 0)
    }

    /// Whether the inline engine waits before the program's own call: it holds nothing then,
    /// and nobody else could use the number meanwhile.
    pub fn waits_in_place(&self) -> bool {
        self.context.settings.engine == DrainBy::Inline && self.context.is_single_threaded()
    }

    /// Looks at the kernel only as far as the decision needs it; where the
    /// process `is_leaving`, every number of it goes with it.
    fn verdict(
        &'static self,
        owner: Owner<'_>,
        fd: Fd,
        info: TcpInfo,
        claim: Claim,
        is_leaving: bool,
    ) -> (Verdict, Strategy) {
        let phase = Phase::of(info.state);
        let open = phase != Phase::Unconnected && claim.standing != Standing::Shared;
        let strategy = if open { self.strategy(fd, claim.entry.role) } else { self.context.settings.strategy };
        let close_strategy = strategy::of(strategy);
        let minds_unread = phase == Phase::PeerDone || close_strategy.minds_unread();
        let decided = |facts| decide(facts, self.context.settings.role, |facts| close_strategy.verdict(facts));
        let mut facts = Facts {
            phase,
            standing: claim.standing,
            role: claim.entry.role,
            linger: if open && owner.may_have_options(claim.entry) { socket::linger(fd) } else { None },
            unread: open && minds_unread && socket::unread(fd) != 0,
            sent: has_sent(owner, fd, info, claim),
        };
        let mut by_kernel = None;
        if matches!(claim.standing, Standing::Doubtful | Standing::Unprovable(_)) {
            // The kernel and procfs are asked only where their answer matters.
            facts.standing = Standing::Last;
            if matches!(decided(facts), Verdict::LeaveAlone(_)) {
                facts.standing = claim.standing;
            } else {
                (facts.standing, by_kernel) = self.proof(owner, fd, claim, is_leaving);
            }
        }
        let verdict = match decided(facts) {
            Verdict::LeaveAlone(Reason::Unsure) => self.unsure(facts.standing),
            verdict @ (Verdict::LeaveAlone(_) | Verdict::Observe) => verdict,
            _ if !self.rehearsal.is_allowed() => Verdict::LeaveAlone(Reason::Denied),
            _ if self.has_unseen_ring(owner) && !self.is_free_of_rings(owner, fd, by_kernel, is_leaving) => {
                self.blind()
            }
            verdict => verdict,
        };
        (verdict, strategy)
    }

    /// Whether this thread may have a ring that no hook has seen. Of one with a ring that they have seen, the numbers
    /// tell ([`watch`]).
    pub(super) fn has_unseen_ring(&self, owner: Owner<'_>) -> bool {
        let has_one = match self.rings.of_thread() {
            ThreadRings::None => false,
            ThreadRings::Some => !owner.rings().is_used_by(thread::number()),
            ThreadRings::Registered => true,
        };
        if has_one {
            self.rings.note_unseen();
        }
        has_one
    }

    /// A request that is pending in a ring may hold the connection.
    fn blind(&self) -> Verdict {
        self.unsure(Standing::Unprovable(Doubt::Blind))
    }

    /// Counts what could not be proved.
    fn unsure(&self, standing: Standing) -> Verdict {
        if let Standing::Unprovable(doubt) = standing {
            self.context.counters.doubted(doubt);
        }
        Verdict::LeaveAlone(Reason::Unsure)
    }

    /// The strategy for a connection of this role.
    fn strategy(&self, fd: Fd, role: Role) -> Strategy {
        choice::choose(self.context.settings, fd, role)
    }

    /// Leaves every epoll set that may watch the connection; false where that cannot be
    /// known to be done.
    fn leave_sets(&self, owner: Owner<'_>, fd: Fd, claim: &Claim) -> bool {
        match watch::leave_all(owner, &self.drain, fd, claim) {
            Ok(()) if !self.may_be_watched_unseen(owner) => true,
            Ok(()) => self.is_unwatched(fd) || self.doubt(Doubt::Watched),
            Err(doubt) => self.is_unwatched(fd) || self.doubt(doubt),
        }
    }

    /// As [`Self::leave_sets`], where the process ends and with it all sets that nobody else
    /// has.
    fn leave_shared_sets(&self, owner: Owner<'_>, fd: Fd, claim: &Claim) -> bool {
        let members = claim.entry.watched.members();
        let is_in_none = members == 0 && claim.watchers == 0;
        let end_with_us = owner.is_private(claim.entry) && claim.watchers <= members;
        let may_be_watched = self.may_be_watched_unseen(owner) || owner.rings().is_any();
        !may_be_watched && (is_in_none || end_with_us) || self.leave_sets(owner, fd, claim)
    }

    fn doubt(&self, doubt: Doubt) -> bool {
        self.context.counters.doubted(doubt);
        false
    }

    /// The program's own close follows on this thread: only another one could see an
    /// event between the two.
    fn at_once(&self, closing: Closing<'_>) -> Prepared {
        let Closing { fd, strategy, .. } = closing;
        let is_seen = strategy::of(strategy).wakes_pollers() && !self.context.is_single_threaded();
        let must_leave = is_seen || closing.owner.rings().is_any();
        if let Some(reason) = self.hands_off(closing, true) {
            self.leave_alone(fd, closing.role(), reason)
        } else if must_leave && !self.leave_sets(closing.owner, fd, &closing.claim) {
            self.leave_alone(fd, closing.role(), Reason::Unsure)
        } else {
            self.begin_close(fd, closing.role(), strategy)
        }
    }

    /// All that a strategy does which waits for nothing; the program's own close is next.
    fn begin_close(&self, fd: Fd, role: Role, strategy: Strategy) -> Prepared {
        self.in_place(fd, role, strategy, || {
            strategy::of(strategy).begin_close(fd);
            (End::AtOnce, 0)
        });
        Prepared::Plain
    }

    /// A drain that is over when this returns; `drain` answers how it ended,
    /// and how many bytes were discarded.
    fn in_place(&self, fd: Fd, role: Role, strategy: Strategy, drain: impl FnOnce() -> (End, u64)) {
        let (note, begun) = (self.context.note(fd, role), Millis::now());
        self.context.counters.begun();
        let (end, discarded) = drain();
        self.context.ended(Ended { fd: Some(fd), note: note.as_ref(), strategy, end, discarded, begun });
    }

    fn hold(&'static self, closing: Closing<'_>) -> Prepared {
        let fd = closing.fd;
        // Nor is a writer waited for where the program's own thread would have to.
        let in_place = self.context.settings.engine == DrainBy::Inline || closing.linger_ms.is_some();
        if let Some(reason) = self.hands_off(closing, in_place) {
            return self.leave_alone(fd, closing.role(), reason);
        }
        if !self.leave_sets(closing.owner, fd, &closing.claim) {
            return self.leave_alone(fd, closing.role(), Reason::Unsure);
        }
        if self.waits_in_place() {
            self.stay(fd, closing.stay());
            Prepared::Plain
        } else {
            self.hand_over(closing)
        }
    }

    fn hand_over(&'static self, closing: Closing<'_>) -> Prepared {
        let Closing { owner, fd, claim, strategy, .. } = closing;
        let cookie = claim.cookie.or_else(|| socket::cookie(fd)).ok_or(Reason::Unsure);
        match cookie.and_then(|cookie| self.drain.reserve(owner, fd, cookie, closing.role(), strategy)) {
            Ok(reserved) if self.context.settings.engine == DrainBy::Inline => {
                Prepared::Staying(reserved, closing.stay())
            }
            Ok(reserved) => {
                if self.may_be_written_to(closing) {
                    reserved.expect_writer(fd);
                }
                match closing.linger_ms {
                    None => Prepared::Held(reserved),
                    Some(ms) => Prepared::Lingering(reserved, ms),
                }
            }
            Err(reason) => self.leave_alone(fd, closing.role(), reason),
        }
    }

    /// Whether a thread may be inside a write to it.
    fn may_be_written_to(&self, closing: Closing<'_>) -> bool {
        let Closing { owner, fd, claim, is_acknowledged, .. } = closing;
        let has_options = owner.may_have_options(claim.entry);
        let is_done = is_acknowledged && !has_options;
        !self.context.is_single_threaded()
            && (!is_done && may_be_written_to(fd) || has_options && socket::may_have_been_full(fd))
    }

    /// A last reference that is not to be half-closed all the same. What is done
    /// `in_place`, before the program's own call, cannot wait for a writer that may be
    /// blocked; the drainer can.
    fn hands_off(&self, closing: Closing<'_>, in_place: bool) -> Option<Reason> {
        let Closing { owner, fd, claim, .. } = closing;
        if owner.may_have_options(claim.entry) && socket::is_under_repair(fd) {
            Some(Reason::Repair)
        } else if in_place && self.may_be_written_to(closing) && may_be_blocked_in_write(fd) {
            Some(Reason::Busy)
        } else {
            None
        }
    }

    /// What the program asked to wait for is waited for; the rest is as always.
    fn linger(&'static self, closing: Closing<'_>, seconds: u64) -> Prepared {
        let ms = u32::try_from(seconds.saturating_mul(1000)).unwrap_or(u32::MAX / 4);
        self.hold(Closing { linger_ms: Some(ms), ..closing })
    }

    /// The inline engine: the call itself waits.
    fn stay(&self, fd: Fd, stay: Stay) {
        let Stay { role, strategy, linger_ms } = stay;
        let settings = self.context.settings;
        let close_strategy = strategy::of(strategy);
        let bounds = close_strategy.bounds(settings, role).within(MOST_INLINE_MS);
        if let Some(ms) = linger_ms {
            inline::until_acknowledged(fd, ms);
            socket::linger_off(fd);
        }
        socket::stop_signals(fd);
        self.in_place(fd, role, strategy, || {
            if close_strategy.leave_to_close(fd, bounds.timeout_ms) {
                (End::AtOnce, 0)
            } else {
                inline::one(fd, close_strategy, bounds, close_strategy.patience_ms(settings))
            }
        });
    }

    /// The same beside other threads, which natively could use the number by now.
    fn stay_apart(&self, reserved: Reserved, stay: Stay) {
        if let Some(fd) = reserved.fd() {
            self.stay(fd, stay);
        }
        reserved.abandon();
    }

    fn discard(&self, fd: Fd, role: Role, strategy: Strategy) -> Prepared {
        self.in_place(fd, role, strategy, || (End::Fin, inline::discard_queued(fd)));
        Prepared::Plain
    }

    fn leave_alone(&self, fd: Fd, role: Role, reason: Reason) -> Prepared {
        self.context.counters.left_alone(reason);
        let level = match reason {
            Reason::Full | Reason::NoThread => LogLevel::Error,
            _ => LogLevel::Debug,
        };
        self.context.report(level, |line| {
            line.text(" left alone").connection(Some(&Note::of(fd, role))).word("reason", reason.name());
        });
        Prepared::Plain
    }
}

/// The program closes what it may hold by another number, and has not taken this one out of
/// its sets: they go on watching it as long as the connection lasts.
fn left_in_its_sets(owner: Owner<'_>, claim: Claim) {
    if claim.entry.slot.is_none() && claim.entry.watched.members() != 0 {
        owner.sets().leave_behind();
    }
}

pub mod exec;
pub mod exit;
mod inventory;
mod kept;
pub mod numbers;
mod observe;
pub mod proof;
pub mod shutdown;

//! The end of the process.
//!
//! Where nothing is to be finished it ends as natively. Beside other threads everything that
//! is still open and ours alone goes to [another program](crate::finisher), which half-closes
//! it when the process has gone. Without them it is half-closed; peers on the same machine are
//! done in an instant, and what is left then goes to that program. In both cases the process
//! ends as natively. Where there can be no such program everything else is released first:
//! listeners, pipes, locks, files are gone as natively, and nobody waits for them; then the
//! process waits in place, within the exit bound, and other threads are stopped meanwhile.
//!
//! Context: the thread that ends the process, in `exit`, or in `_exit` from any
//! context. No allocation; lists are mapped.

use super::Engine;
use super::inventory::{Inventory, each_counted};
use super::kept::Kept;
use crate::bounds::End;
use crate::decision::{Reason, Verdict};
use crate::finisher;
use crate::holders::ledger::Owner;
use crate::holders::ledger::forks::Stamp;
use crate::leftovers::Leftovers;
use crate::settings::{LogLevel, Strategy};
use crate::sys::clock::Millis;
use crate::sys::close_all::close_all_but;
use crate::sys::known_directory::KnownDirectory;
use crate::sys::signals::{self, Mask};
use crate::sys::socket::Role;
use crate::sys::socket::is_connected;
use crate::sys::stop::{self, OtherThreads};
use crate::sys::{Fd, descriptors, socket, thread};
use rustix::process::Pid;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// `exit`: what stdio has buffered is still written after our turn.
    WithStreams,
    /// `_exit`, `quick_exit`: it is not.
    AtOnce,
}

/// Peers that run on the same machine are done by then, in milliseconds.
const INSTANT_MS: u32 = 1;
/// How often a peer that has everything is looked for, later.
pub(super) const TICK_MS: u32 = 50;

/// What a process that ends still has.
struct Estate<'a> {
    /// What is waited for.
    left: Leftovers<'a>,
    /// Numbers that are not to be closed before the end.
    kept: Kept,
}

impl Engine {
    /// Finishes what this process holds, and gives up its place in the family.
    ///
    /// Answers whether the process must end without another call of libc's: its numbers are
    /// closed, or its other threads were stopped.
    pub fn at_exit(&'static self, owner: Owner<'_>, exit: Exit) -> bool {
        let bound = self.context.settings.exit_timeout_ms;
        let is_over = bound != 0 && self.finish(owner, exit, bound);
        // Whoever else holds a connection that we shut.
        self.drain.apply_due(true);
        self.ledger.retire();
        self.sum_up();
        self.context.counters.retire();
        is_over
    }

    fn finish(&'static self, owner: Owner<'_>, exit: Exit, bound: u32) -> bool {
        let inventory = self.take_inventory(owner);
        if inventory.ours == 0 && inventory.held == 0 {
            self.observe_open(owner, &inventory, Millis::now().plus(bound));
            return false;
        }
        if owner.has_finisher() || !self.rehearsal.is_allowed() || self.leave_as_it_is(owner, &inventory, bound) {
            return false;
        }
        let others = self.stop_others();
        if others == OtherThreads::Running || !self.has_written_streams(exit, others == OtherThreads::None) {
            return false;
        }
        // Who reads our streams may be slow: that is no part of the bound.
        let deadline = Millis::now().plus(bound);
        let Inventory { open, ours, held, .. } = inventory;
        // One more for the log.
        let kept = Kept::with_room(open + held + 1 + Kept::MESSENGERS);
        let mut estate = Estate { left: Leftovers::with_room(ours + held, self.context), kept };
        self.drain.surrender(|held| estate.left.take_over(held));
        self.half_close_open(owner, &inventory, &mut estate, deadline);
        estate.left.drain_until(sooner(deadline, Millis::now().plus(INSTANT_MS)), INSTANT_MS);
        let is_done = estate.left.is_empty() || self.leave_to_finisher(owner, &mut estate.left, deadline);
        if is_done {
            return others == OtherThreads::Stopped;
        }
        self.wait_in_place(owner, &mut estate, deadline) || others == OtherThreads::Stopped
    }

    /// Beside other threads nothing is done that they could notice: they run on, and so does
    /// the process while libc writes out its streams. What is open goes to the other program,
    /// which says goodbye when this process has gone. False where there can be none, or no
    /// other thread.
    #[inline(never)]
    fn leave_as_it_is(&'static self, owner: Owner<'_>, inventory: &Inventory, bound: u32) -> bool {
        if stop::is_alone(|tid| self.drain.runs_on(tid)).unwrap_or_else(|| self.context.is_single_threaded()) {
            return false;
        }
        let deadline = Millis::now().plus(bound);
        let Some(home) = self.finisher(owner, deadline) else { return false };
        let before = self.ledger.stamp();
        let left = Leftovers::for_another(inventory.ours + inventory.held, self.context);
        let mut estate = Estate { left, kept: Kept::with_room(0) };
        self.drain.surrender(|held| estate.left.take_over(held));
        self.half_close_open(owner, inventory, &mut estate, deadline);
        if let Some(finisher) = self.leave_to(owner, home, &mut estate.left, deadline) {
            self.note_finisher(owner, finisher, before);
        }
        true
    }

    /// A child that another thread makes meanwhile may have it too: then nobody inherits it.
    fn note_finisher(&self, owner: Owner<'_>, finisher: Pid, before: Stamp) {
        owner.finished_by(finisher);
        if self.ledger.stamp() != before {
            owner.end_finisher();
        }
    }

    /// Writes what may be the end of a response, before that is half-closed. False where only
    /// a thread that has been stopped may be able to take it: then all go on, and libc writes.
    fn has_written_streams(&self, exit: Exit, may_wait: bool) -> bool {
        let is_done = exit == Exit::AtOnce || (self.context.host.flush_streams)(may_wait);
        if !is_done {
            stop::resume_now();
        }
        is_done
    }

    /// Without procfs libc has to know.
    fn stop_others(&self) -> OtherThreads {
        match stop::stop_others(|tid| self.drain.runs_on(tid)) {
            OtherThreads::Running if self.context.is_single_threaded() => OtherThreads::None,
            others => others,
        }
    }

    /// From here on the end is certain, and so is the status: no signal changes it, as none
    /// would natively. False where nobody waits: the process ends as natively.
    #[inline(never)]
    fn wait_in_place(&self, owner: Owner<'_>, estate: &mut Estate<'_>, deadline: Millis) -> bool {
        // Who waits is a process more. And what another process uses as well can be left, but
        // not closed.
        let place = if owner.may_share_table() { None } else { owner.reserve_finisher() };
        let waits = place.is_some() && self.release_others(owner, estate);
        if waits {
            thread::block_signals();
            self.drain.apply_due(true);
            estate.left.drain_until(deadline, TICK_MS);
        }
        estate.left.end_all(End::Exit);
        waits
    }

    /// Closes every number but those that are waited for, and our log's while there may be
    /// something to say. False where that cannot be.
    fn release_others(&self, owner: Owner<'_>, estate: &mut Estate<'_>) -> bool {
        let Estate { left, kept } = estate;
        left.numbers().for_each(|fd| kept.add(fd));
        let log = self.context.log.number().filter(|_| self.context.log.is_talkative());
        log.into_iter().for_each(|fd| kept.add(fd));
        if owner.may_linger_in_messages() && !descriptors::each(|fd| kept.add_messenger(fd)) {
            return false;
        }
        kept.sorted().map(close_all_but).is_some()
    }

    /// The other program, where it is possible to leave anything to it, and does no harm.
    fn finisher(&self, owner: Owner<'_>, deadline: Millis) -> Option<&'static KnownDirectory> {
        let is_welcome = || !owner.troubles_its_parent() && finisher::is_welcome(self.ledger.has_forked());
        self.context.finisher.filter(|_| deadline.since(Millis::now()) != 0 && is_welcome())
    }

    /// Leaves them to another program; false where they are still ours.
    fn leave_to_finisher(&self, owner: Owner<'_>, left: &mut Leftovers<'_>, deadline: Millis) -> bool {
        self.finisher(owner, deadline).is_some_and(|home| self.leave_to(owner, home, left, deadline).is_some())
    }

    fn leave_to(
        &self,
        owner: Owner<'_>,
        home: &KnownDirectory,
        left: &mut Leftovers<'_>,
        deadline: Millis,
    ) -> Option<Pid> {
        let place = if left.is_empty() { None } else { owner.reserve_finisher() }?;
        // Signals are for the program's handlers, and not for what is being made.
        let signals = signals::hold();
        let made = finisher::leave_to(home, left, deadline.since(Millis::now()));
        signals.into_iter().for_each(Mask::let_in);
        let pid = made.ok()?;
        place.take(pid);
        self.context.counters.handed_over();
        self.context.report(LogLevel::Info, |line| {
            line.text(" handed over").field("connections", left.len() as u64);
            line.field("to", u64::from(pid.as_raw_nonzero().get().unsigned_abs()));
        });
        left.end_all(End::HandedOver);
        Some(pid)
    }

    #[inline(never)]
    fn half_close_open(
        &'static self,
        owner: Owner<'_>,
        inventory: &Inventory,
        estate: &mut Estate<'_>,
        deadline: Millis,
    ) {
        // What was done since the inventory is no look.
        let inventory = &inventory.again();
        self.each_open(owner, inventory, deadline, |fd| self.consider(owner, fd, inventory, estate));
    }

    /// Where nothing is to be done to any: nobody is stopped for that.
    #[inline(never)]
    fn observe_open(&'static self, owner: Owner<'_>, inventory: &Inventory, deadline: Millis) {
        if !self.observes() {
            return;
        }
        let mut none = Estate { left: Leftovers::with_room(0, self.context), kept: Kept::with_room(0) };
        self.each_open(owner, inventory, deadline, |fd| {
            if !self.is_ours(owner, fd) {
                self.consider(owner, fd, inventory, &mut none);
            }
        });
    }

    fn each_open(&self, owner: Owner<'_>, inventory: &Inventory, deadline: Millis, mut visit: impl FnMut(Fd)) {
        // To look at procfs, once for each that the counts do not decide, must not
        // outlast the bound either.
        let visit_in_time = |fd| {
            if deadline.since(Millis::now()) != 0 {
                visit(fd);
            }
        };
        each_counted(owner, inventory.looks, visit_in_time);
    }

    fn consider(&'static self, owner: Owner<'_>, fd: Fd, inventory: &Inventory, estate: &mut Estate<'_>) {
        let Ok(info) = socket::tcp_info(fd) else { return };
        let claim = inventory.looks.limit(owner.release_at_end(fd));
        let role = claim.entry.role;
        let (verdict, strategy) = self.verdict(owner, fd, info, claim, true);
        // The end of a process waits for no connection with SO_LINGER, a close does
        // (`inet_release`).
        let lingers = owner.may_have_options(claim.entry) && socket::linger(fd).is_some_and(|seconds| seconds != 0);
        match verdict {
            Verdict::LeaveAlone(Reason::Unconnected) => return,
            Verdict::LeaveAlone(reason) => _ = self.leave_alone(fd, role, reason),
            Verdict::Observe => _ = self.observe(fd, role),
            Verdict::Discard => _ = self.discard(fd, role, strategy),
            Verdict::AtOnce => _ = self.begin_close(fd, role, strategy),
            Verdict::Hold | Verdict::WaitUpTo(_) if !self.leave_shared_sets(owner, fd, &claim) => {
                _ = self.leave_alone(fd, role, Reason::Unsure);
            }
            Verdict::Hold | Verdict::WaitUpTo(_) => {
                if lingers {
                    socket::linger_off(fd);
                }
                return self.take_in(fd, role, strategy, &mut estate.left);
            }
        }
        if lingers {
            estate.kept.add(fd);
        }
    }

    /// Says goodbye on `fd`, to be waited for with all others.
    pub(super) fn take_in(&self, fd: Fd, role: Role, strategy: Strategy, left: &mut Leftovers<'_>) {
        self.drain.cancel(fd);
        left.add(fd, role, strategy);
    }

    /// Whether `fd` is a connection to which anything may be done at all.
    pub(super) fn is_ours(&self, owner: Owner<'_>, fd: Fd) -> bool {
        is_connected(fd) && self.strategy(fd, owner.role(fd)) != Strategy::Observe
    }

    #[inline(never)]
    fn sum_up(&self) {
        if !self.context.counters.has_tcp() {
            return;
        }
        self.context.report(LogLevel::Info, |line| {
            line.text(" exit");
            self.context.counters.each(|name, value| {
                if value != 0 {
                    line.field(name, value);
                }
            });
        });
    }
}

fn sooner(one: Millis, other: Millis) -> Millis {
    if one.since(other) == 0 { one } else { other }
}

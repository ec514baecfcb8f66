//! The end of the process.
//!
//! Where nothing is to be finished it ends as natively. Beside other threads everything that
//! is still open and ours alone goes to [another program](crate::successor), which half-closes
//! it when the process has gone. Without them it is half-closed, and everything but that is
//! released at once: listeners, pipes, locks, files are gone as natively, and nobody waits for
//! them. Most peers are done in a moment; what is left then goes to that program, and the
//! process ends. Where there can be no such program it waits in place, within the exit bound,
//! and other threads are stopped meanwhile.
//!
//! Context: the thread that ends the process, in `exit`, or in `_exit` from any
//! context. No allocation; lists are mapped.

use super::Engine;
use super::numbers::{each_socket, is_connected};
use crate::bounds::End;
use crate::decision::{Reason, Verdict};
use crate::judge::Looks;
use crate::ledger::Owner;
use crate::ledger::heirs::HeirPlace;
use crate::ledger::table::Role;
use crate::leftovers::Leftovers;
use crate::settings::{LogLevel, Strategy};
use crate::successor::{self, Home};
use crate::sys::clock::Millis;
use crate::sys::numbers::close_all_but;
use crate::sys::procfs::{Dir, descriptor};
use crate::sys::signals::{self, Mask};
use crate::sys::stop::{self, Others};
use crate::sys::{Fd, memory, socket, thread};
use core::ops::ControlFlow::{Break, Continue};
use rustix::process::Pid;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// `exit`: what stdio has buffered is still written after our turn.
    WithStreams,
    /// `_exit`, `quick_exit`: it is not.
    AtOnce,
}

/// Most peers are done by then, in milliseconds.
const MOMENT_MS: u32 = 20;
/// How often a peer that has everything is looked for in that time, and later.
const SHORT_TICK_MS: u32 = 5;
pub(super) const TICK_MS: u32 = 50;

/// What a process that ends still has.
struct Estate<'a> {
    /// What is waited for.
    left: Leftovers<'a>,
    /// Numbers that are not to be closed before the end.
    kept: Kept,
}

/// A list of numbers, with room for as many as there can be.
struct Kept {
    few: [i32; Self::FEW],
    many: Option<&'static mut [i32]>,
    len: usize,
}

impl Kept {
    const FEW: usize = 8;

    fn with_room(most: usize) -> Self {
        let many = if most > Self::FEW { memory::zeroed(most) } else { None };
        Self { few: [0; Self::FEW], many, len: 0 }
    }

    fn room(&mut self) -> &mut [i32] {
        self.many.as_deref_mut().unwrap_or(&mut self.few)
    }

    fn add(&mut self, fd: Fd) {
        let len = self.len;
        if let Some(place) = self.room().get_mut(len) {
            *place = fd.raw();
        }
        self.len += 1;
    }

    /// `None` where there was too little memory.
    fn sorted(&mut self) -> Option<&[i32]> {
        let len = self.len;
        let numbers = self.room().get_mut(..len)?;
        numbers.sort_unstable();
        Some(numbers)
    }
}

/// Another program that can finish what is left, and its place among the others.
struct Heir<'a> {
    home: &'static Home,
    place: HeirPlace<'a>,
}

impl Engine {
    /// Finishes what this process holds, and gives up its place in the family.
    ///
    /// Answers whether the process must end without another call of libc's: its numbers are
    /// closed, or its other threads were stopped.
    pub fn at_exit(&'static self, owner: Owner<'_>, exit: Exit) -> bool {
        let bound = self.common.settings.exit_timeout_ms;
        let is_over = bound != 0 && self.finish(owner, exit, bound);
        // Whoever else holds a connection that we shut.
        self.drain.end_graces(true);
        self.ledger.retire();
        self.sum_up();
        self.common.counters.retire();
        is_over
    }

    fn finish(&'static self, owner: Owner<'_>, exit: Exit, bound: u32) -> bool {
        let (open, ours) = self.count_connections(owner);
        let held = self.drain.held() as usize;
        if ours == 0 && held == 0 {
            self.observe_open(owner, Millis::now().plus(bound));
            return false;
        }
        if owner.has_bequeathed() || !self.rehearsal.is_allowed() || self.leave_as_it_is(owner, ours + held, bound) {
            return false;
        }
        let others = self.stop_others();
        if others == Others::Running || !self.has_written_streams(exit, others) {
            return false;
        }
        // Who reads our streams may be slow: that is no part of the bound.
        let deadline = Millis::now().plus(bound);
        // One more for the log.
        let kept = Kept::with_room(open + held + 1);
        let mut estate = Estate { left: Leftovers::with_room(ours + held, self.common), kept };
        self.drain.surrender(|held| estate.left.take_over(held));
        self.half_close_open(owner, &mut estate, deadline);
        if estate.left.is_empty() {
            return others == Others::Stopped;
        }
        self.settle(owner, &mut estate, deadline);
        true
    }

    /// Beside other threads nothing is done that they could notice: they run on, and so does
    /// the process while libc writes out its streams. What is open goes to the other program,
    /// which says goodbye when this process has gone. False where there can be none, or no
    /// other thread.
    #[inline(never)]
    fn leave_as_it_is(&'static self, owner: Owner<'_>, many: usize, bound: u32) -> bool {
        if stop::is_alone(|tid| self.drain.runs_on(tid)).unwrap_or_else(|| self.common.is_single_threaded()) {
            return false;
        }
        let deadline = Millis::now().plus(bound);
        let Some(heir) = self.successor(owner, deadline) else { return false };
        let left = Leftovers::for_another(many, self.common);
        let mut estate = Estate { left, kept: Kept::with_room(0) };
        self.drain.surrender(|held| estate.left.take_over(held));
        self.half_close_open(owner, &mut estate, deadline);
        self.bequeath(owner, heir, &mut estate.left, deadline);
        true
    }

    /// A child that another thread makes meanwhile may have it too: then nobody inherits it.
    fn bequeath(&self, owner: Owner<'_>, heir: Heir<'_>, left: &mut Leftovers<'_>, deadline: Millis) {
        let before = self.ledger.stamp();
        // Signals that come are for the program's handlers, which are still wanted, but later.
        let signals = signals::hold();
        if let Some(pid) = self.leave_to(heir, left, deadline) {
            owner.bequeathed(pid);
            if self.ledger.stamp() != before {
                owner.disinherit();
            }
        }
        signals.into_iter().for_each(Mask::let_in);
    }

    /// False where only a thread that has been stopped may be able to take what is written:
    /// then all go on, and libc writes it.
    fn has_written_streams(&self, exit: Exit, others: Others) -> bool {
        let is_alone = others == Others::None;
        let is_done = exit == Exit::AtOnce || (self.common.host.flush_streams)(is_alone);
        if !is_done {
            stop::run_on();
        }
        is_done
    }

    /// Without procfs libc has to know.
    fn stop_others(&self) -> Others {
        match stop::others(|tid| self.drain.runs_on(tid)) {
            Others::Running if self.common.is_single_threaded() => Others::None,
            others => others,
        }
    }

    /// From here on the end is certain, and so is the status: no signal changes it, as none
    /// would natively.
    #[inline(never)]
    fn settle(&self, owner: Owner<'_>, estate: &mut Estate<'_>, deadline: Millis) {
        thread::block_signals();
        self.drain.end_graces(true);
        // What another process uses as well can be left, but not closed.
        let is_free = !owner.may_share_table() && self.release_others(estate);
        let left = &mut estate.left;
        if is_free {
            left.attend(sooner(deadline, Millis::now().plus(MOMENT_MS)), SHORT_TICK_MS);
        }
        if left.is_empty() || self.leave_to_successor(owner, left, deadline) {
            return;
        }
        // Who waits is a process as well.
        if is_free && let Some(place) = owner.place_for_heir() {
            left.attend(deadline, TICK_MS);
            place.leave();
        }
        left.end_all(End::Exit);
    }

    /// Closes every number but those that are waited for, and our log's while there may be
    /// something to say. False where that cannot be.
    fn release_others(&self, estate: &mut Estate<'_>) -> bool {
        let Estate { left, kept } = estate;
        left.numbers().for_each(|fd| kept.add(fd));
        let log = self.common.log.number().filter(|_| self.common.log.is_talkative());
        log.into_iter().for_each(|fd| kept.add(fd));
        kept.sorted().map(close_all_but).is_some()
    }

    /// The other program, where it is possible to leave anything to it, and does no harm.
    fn successor<'a>(&self, owner: Owner<'a>, deadline: Millis) -> Option<Heir<'a>> {
        let is_welcome = || successor::is_welcome(self.ledger.has_forked());
        let home = self.common.successor.filter(|_| deadline.since(Millis::now()) != 0 && is_welcome())?;
        Some(Heir { home, place: owner.place_for_heir()? })
    }

    /// Leaves them to another program; false where they are still ours.
    fn leave_to_successor(&self, owner: Owner<'_>, left: &mut Leftovers<'_>, deadline: Millis) -> bool {
        self.successor(owner, deadline).is_some_and(|heir| self.leave_to(heir, left, deadline).is_some())
    }

    fn leave_to(&self, heir: Heir<'_>, left: &mut Leftovers<'_>, deadline: Millis) -> Option<Pid> {
        let Heir { home, place } = heir;
        let bound = deadline.since(Millis::now());
        let made = if left.is_empty() { None } else { successor::leave_to(home, left, bound).ok() };
        let Some(pid) = made else {
            place.leave();
            return None;
        };
        place.take(pid);
        self.common.counters.handed_over();
        self.common.report(LogLevel::Info, |line| {
            line.text(" handed over").field("connections", left.len() as u64);
            line.field("to", u64::from(pid.as_raw_nonzero().get().unsigned_abs()));
        });
        left.end_all(End::HandedOver);
        Some(pid)
    }

    #[inline(never)]
    fn half_close_open<'a>(&'a self, owner: Owner<'_>, estate: &mut Estate<'a>, deadline: Millis) {
        let looks = Looks::begin();
        self.each_open(owner, deadline, |fd| self.consider(owner, fd, looks, estate));
    }

    /// Where nothing is to be done to any: nobody is stopped for that.
    #[inline(never)]
    fn observe_open(&self, owner: Owner<'_>, deadline: Millis) {
        if !self.observes() {
            return;
        }
        let mut none = Estate { left: Leftovers::with_room(0, self.common), kept: Kept::with_room(0) };
        let looks = Looks::begin();
        self.each_open(owner, deadline, |fd| {
            if !self.is_ours(owner, fd) {
                self.consider(owner, fd, looks, &mut none);
            }
        });
    }

    fn each_open(&self, owner: Owner<'_>, deadline: Millis, mut visit: impl FnMut(Fd)) {
        // To look at procfs, once for each that the counts do not decide, must not
        // outlast the bound either.
        let in_time = || deadline.since(Millis::now()) != 0;
        each_socket(|fd| {
            if in_time() && !owner.knows(fd) && !self.drain.owns(fd) && is_lowest(fd) {
                visit(fd);
            }
        });
        owner.each(|fd| {
            if in_time() {
                visit(fd);
            }
        });
    }

    fn consider(&self, owner: Owner<'_>, fd: Fd, looks: Looks, estate: &mut Estate<'_>) {
        let Ok(info) = socket::tcp_info(fd) else { return };
        let claim = looks.limit(owner.release_at_end(fd));
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
            Verdict::AtOnce => _ = self.part(fd, role, strategy),
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
        self.drain.revoke(fd);
        left.add(fd, role, strategy);
    }

    /// Whether `fd` is a connection to which anything may be done at all.
    pub(super) fn is_ours(&self, owner: Owner<'_>, fd: Fd) -> bool {
        is_connected(fd) && self.strategy(fd, owner.role(fd)) != Strategy::Observe
    }

    /// At most so many connections are open, and will be finished: those that are counted,
    /// also where there is no procfs, and those that only procfs knows.
    #[inline(never)]
    fn count_connections(&self, owner: Owner<'_>) -> (usize, usize) {
        let (mut open, mut ours) = (0, 0);
        let mut count = |fd| {
            let is_open = is_connected(fd);
            open += usize::from(is_open);
            ours += usize::from(is_open && self.strategy(fd, owner.role(fd)) != Strategy::Observe);
        };
        owner.each(&mut count);
        each_socket(|fd| {
            if !owner.knows(fd) {
                count(fd);
            }
        });
        (open, ours)
    }

    #[inline(never)]
    fn sum_up(&self) {
        if !self.common.counters.has_tcp() {
            return;
        }
        self.common.report(LogLevel::Info, |line| {
            line.text(" exit");
            self.common.counters.each(|name, value| {
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

/// Whether no lower number refers to the same socket: an inetd server has it as
/// 0, 1 and 2.
#[inline(never)]
fn is_lowest(fd: Fd) -> bool {
    let (Ok(inode), Ok(dir)) = (socket::inode(fd), Dir::own_descriptors()) else { return false };
    let lower = dir.each(|name| {
        let is_lower = descriptor(name).is_some_and(|other| other < fd);
        if is_lower && dir.socket_link(name) == Some(inode) { Break(()) } else { Continue(()) }
    });
    lower == Ok(None)
}

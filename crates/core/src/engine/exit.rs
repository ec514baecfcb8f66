//! The end of the process: what is held and what is still open is finished, all
//! at the same time, within the exit bound.
//!
//! Context: the thread that ends the process, in `exit`, or in `_exit` from any
//! context. No allocation; the list of sockets is mapped.

use super::Engine;
use super::numbers::{each_socket, is_connected};
use crate::decision::{Reason, Verdict};
use crate::finish::All;
use crate::ledger::Owner;
use crate::ledger::table::Role;
use crate::settings::{LogLevel, Strategy};
use crate::sys::clock::Millis;
use crate::sys::procfs::{Dir, descriptor};
use crate::sys::stop::{self, Others};
use crate::sys::{Fd, socket};
use core::ops::ControlFlow::{Break, Continue};

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// `exit`: what stdio has buffered is still written after our turn.
    WithStreams,
    /// `_exit`, `quick_exit`: it is not.
    AtOnce,
}

impl Engine {
    /// Finishes what this process holds, and gives up its place in the family.
    ///
    /// Answers whether the other threads were stopped: then the process must end
    /// without another call that may take a lock.
    pub fn at_exit(&'static self, owner: Owner<'_>, exit: Exit) -> bool {
        let bound = self.common.settings.exit_timeout_ms;
        let stopped = bound != 0 && self.finish(owner, exit, Millis::now().plus(bound));
        // Whoever else holds a connection that we shut.
        self.drain.end_graces(true);
        self.ledger.retire();
        self.sum_up();
        self.common.counters.retire();
        stopped
    }

    fn finish(&'static self, owner: Owner<'_>, exit: Exit, deadline: Millis) -> bool {
        let count = self.count_connections(owner);
        if count == 0 && self.drain.held() == 0 {
            self.observe_open(owner, deadline);
            return false;
        }
        if !self.rehearsal.is_allowed() {
            return false;
        }
        let others = stop::others(|tid| self.drain.runs_on(tid));
        if others == Others::Running {
            return false;
        }
        if exit == Exit::WithStreams {
            (self.common.host.flush_streams)();
            // What still writes after us.
            (self.common.host.ignore_sigpipe)();
        }
        let mut all = All::with_room(count, self.common);
        self.half_close_open(owner, &mut all, deadline);
        all.finish(deadline);
        self.drain.finish(deadline);
        others == Others::Stopped
    }

    #[inline(never)]
    fn half_close_open<'a>(&'a self, owner: Owner<'_>, all: &mut All<'a>, deadline: Millis) {
        self.each_open(owner, deadline, |fd| self.consider(owner, fd, all));
    }

    /// Where nothing is to be done to any: nobody is stopped for that.
    #[inline(never)]
    fn observe_open(&self, owner: Owner<'_>, deadline: Millis) {
        if !self.observes() {
            return;
        }
        let mut none = All::with_room(0, self.common);
        self.each_open(owner, deadline, |fd| {
            if !self.is_ours(owner, fd) {
                self.consider(owner, fd, &mut none);
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

    fn consider(&self, owner: Owner<'_>, fd: Fd, all: &mut All<'_>) {
        let Ok(info) = socket::tcp_info(fd) else { return };
        let claim = owner.release_at_end(fd);
        let role = claim.entry.role;
        let (verdict, strategy) = self.verdict(owner, fd, info, claim, true);
        match verdict {
            Verdict::LeaveAlone(Reason::Unconnected) => {}
            Verdict::LeaveAlone(reason) => _ = self.leave_alone(fd, role, reason),
            Verdict::Observe => _ = self.observe(fd, role),
            Verdict::Discard => _ = self.discard(fd, role, strategy),
            Verdict::AtOnce => _ = self.part(fd, role, strategy),
            Verdict::Hold | Verdict::WaitUpTo(_) => self.take_in(fd, role, strategy, all),
        }
    }

    /// Says goodbye on `fd`, to be waited for with all others.
    pub(super) fn take_in(&self, fd: Fd, role: Role, strategy: Strategy, all: &mut All<'_>) {
        self.drain.revoke(fd);
        all.add(fd, role, strategy);
    }

    /// Whether `fd` is a connection to which anything may be done at all.
    pub(super) fn is_ours(&self, owner: Owner<'_>, fd: Fd) -> bool {
        is_connected(fd) && self.strategy(fd, owner.role(fd)) != Strategy::Observe
    }

    /// At most so many connections will be finished: those that are counted, also
    /// where there is no procfs, and those that only procfs knows.
    #[inline(never)]
    fn count_connections(&self, owner: Owner<'_>) -> usize {
        let mut count = 0;
        owner.each(|fd| count += usize::from(self.is_ours(owner, fd)));
        each_socket(|fd| count += usize::from(!owner.knows(fd) && self.is_ours(owner, fd)));
        count
    }

    #[inline(never)]
    fn sum_up(&self) {
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

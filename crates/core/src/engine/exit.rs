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
use crate::settings::LogLevel;
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
        stopped
    }

    fn finish(&'static self, owner: Owner<'_>, exit: Exit, deadline: Millis) -> bool {
        let count = count_connections(owner);
        if (count == 0 && self.drain.held() == 0) || !self.rehearsal.is_allowed() {
            return false;
        }
        let others = stop::others(|tid| self.drain.runs_on(tid));
        if others == Others::Running {
            return false;
        }
        if exit == Exit::WithStreams {
            (self.common.host.flush_streams)();
        }
        // Whatever still writes after us, such as a destructor.
        (self.common.host.ignore_sigpipe)();
        let open = self.half_close_open(owner, count, deadline);
        open.finish(deadline, |fd, end, discarded| self.ended(fd, end, discarded));
        self.drain.finish(deadline);
        others == Others::Stopped
    }

    #[inline(never)]
    fn half_close_open(&self, owner: Owner<'_>, count: usize, deadline: Millis) -> All {
        let mut all = All::with_room(count);
        // To look at procfs, once for each that the counts do not decide, must not
        // outlast the bound either.
        let in_time = || deadline.since(Millis::now()) != 0;
        each_socket(|fd, inode| {
            if in_time() && !owner.knows(fd) && !self.drain.owns(fd) && is_lowest(fd, inode) {
                self.consider(owner, fd, &mut all);
            }
        });
        owner.each(|fd| {
            if in_time() {
                self.consider(owner, fd, &mut all);
            }
        });
        all
    }

    fn consider(&self, owner: Owner<'_>, fd: Fd, all: &mut All) {
        let Ok(info) = socket::tcp_info(fd) else { return };
        let claim = owner.release(fd);
        match self.verdict(owner, fd, info, claim, true) {
            Verdict::LeaveAlone(Reason::Unconnected) => {}
            Verdict::LeaveAlone(reason) => _ = self.leave_alone(fd, reason),
            Verdict::Discard => _ = self.discard(fd),
            Verdict::Drain | Verdict::WaitUpTo(_) => {
                self.take_in(fd, all);
            }
        }
    }

    /// Half-closes `fd`, to be waited for with all others.
    pub(super) fn take_in(&self, fd: Fd, all: &mut All) {
        self.drain.revoke(fd);
        self.common.counters.begun();
        all.add(fd);
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

/// At most so many connections will be finished: those that are counted, also
/// where there is no procfs, and those that only procfs knows.
#[inline(never)]
fn count_connections(owner: Owner<'_>) -> usize {
    let mut count = 0;
    owner.each(|fd| count += usize::from(is_connected(fd)));
    each_socket(|fd, _| count += usize::from(!owner.knows(fd) && is_connected(fd)));
    count
}

/// Whether no lower number refers to the same socket: an inetd server has it as
/// 0, 1 and 2.
#[inline(never)]
fn is_lowest(fd: Fd, inode: u64) -> bool {
    let Ok(dir) = Dir::own_descriptors() else { return false };
    let lower = dir.each(|name| {
        let is_lower = descriptor(name).is_some_and(|other| other < fd);
        if is_lower && dir.socket_link(name) == Some(inode) { Break(()) } else { Continue(()) }
    });
    lower == Ok(None)
}

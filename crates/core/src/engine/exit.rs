//! The end of the process: what is held and what is still open is finished, all
//! at the same time, within the exit bound.
//!
//! Context: the thread that ends the process, in `exit`, or in `_exit` from any
//! context. No allocation; the list of sockets is mapped.

use super::Engine;
use crate::decision::{Reason, Verdict};
use crate::finish::All;
use crate::ledger::Owner;
use crate::settings::LogLevel;
use crate::sys::clock::Millis;
use crate::sys::procfs::{Dir, number};
use crate::sys::{Fd, socket};
use core::ffi::CStr;
use core::ops::ControlFlow::{Break, Continue};
use rustix::process::Pid;
use rustix::thread::gettid;

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
    pub fn at_exit(&'static self, owner: Owner<'_>, exit: Exit) {
        let bound = self.settings.exit_timeout_ms;
        let deadline = Millis::now().plus(bound);
        if bound != 0 {
            let open = self.half_close_open(owner, exit, deadline);
            open.finish(deadline, |fd, end, discarded| self.ended(fd, end, discarded));
            self.drain.finish(deadline);
        }
        self.ledger.retire();
        self.sum_up();
    }

    fn half_close_open(&self, owner: Owner<'_>, exit: Exit, deadline: Millis) -> All {
        let count = count_candidates(owner);
        if count == 0 {
            return All::with_room(0, false);
        }
        if exit == Exit::WithStreams {
            (self.host.flush_streams)();
        }
        // Other threads run on, and may be writing: what is half-closed under them
        // fails, and a program that ends on a failed write ends with another status.
        // Theirs is drained all the same; the FIN goes out with the process.
        let alone = !self.has_other_threads();
        if alone {
            (self.host.ignore_sigpipe)();
        }
        let mut all = All::with_room(count, alone);
        // Those that no count knows come first: a look at procfs for each, which
        // must not outlast the bound either.
        each_socket(|fd, inode| {
            let in_time = deadline.since(Millis::now()) != 0;
            if in_time && !owner.knows(fd) && !self.drain.owns(fd) && is_lowest(fd, inode) {
                self.consider(owner, fd, &mut all);
            }
        });
        owner.each(|fd| self.consider(owner, fd, &mut all));
        all
    }

    fn has_other_threads(&self) -> bool {
        let me = gettid();
        let is_other = |name: &CStr| {
            let tid = number(name.to_bytes()).and_then(|raw| Pid::from_raw(raw as i32));
            tid.is_some_and(|tid| tid != me && !self.drain.runs_on(tid))
        };
        let tasks = Dir::root().and_then(|root| root.below(c"self/task"));
        let found = tasks.and_then(|dir| dir.each(|name| if is_other(name) { Break(()) } else { Continue(()) }));
        found.map_or_else(|_| !(self.host.is_single_threaded)(), |other| other.is_some())
    }

    fn consider(&self, owner: Owner<'_>, fd: Fd, all: &mut All) {
        let Ok(info) = socket::tcp_info(fd) else { return };
        let claim = owner.release(fd);
        match self.verdict(owner, fd, info, claim, true) {
            Verdict::LeaveAlone(Reason::Unconnected) => {}
            Verdict::LeaveAlone(reason) => _ = self.leave_alone(fd, reason),
            Verdict::Discard => _ = self.discard(fd),
            Verdict::Drain | Verdict::WaitUpTo(_) => {
                self.counters.begun();
                all.add(fd);
            }
        }
    }

    fn sum_up(&self) {
        self.report(LogLevel::Info, |line| {
            line.text(" exit");
            self.counters.each(|name, value| {
                if value != 0 {
                    line.field(name, value);
                }
            });
        });
    }
}

/// Calls `visit` with the number and inode of every socket in this process.
fn each_socket(mut visit: impl FnMut(Fd, u64)) {
    let Ok(dir) = Dir::root().and_then(|root| root.below(c"self/fd")) else { return };
    let _: Result<Option<()>, _> = dir.each(|name| {
        let fd = number(name.to_bytes()).and_then(|raw| Fd::new(raw as i32));
        if let (Some(fd), Some(inode)) = (fd, dir.socket_link(name)) {
            visit(fd, inode);
        }
        Continue(())
    });
}

/// At most so many sockets will be finished: those that are counted, also where
/// there is no procfs, and those that only procfs knows.
fn count_candidates(owner: Owner<'_>) -> usize {
    let mut count = 0;
    owner.each(|_| count += 1);
    each_socket(|fd, _| count += usize::from(!owner.knows(fd)));
    count
}

/// Whether no lower number refers to the same socket: an inetd server has it as
/// 0, 1 and 2.
fn is_lowest(fd: Fd, inode: u64) -> bool {
    let Ok(dir) = Dir::root().and_then(|root| root.below(c"self/fd")) else { return false };
    let lower = dir.each(|name| {
        let is_lower = number(name.to_bytes()).is_some_and(|raw| raw < fd.raw() as u64);
        if is_lower && dir.socket_link(name) == Some(inode) { Break(()) } else { Continue(()) }
    });
    lower == Ok(None)
}

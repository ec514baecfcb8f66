//! Who holds a socket in truth: procfs, where the ledger cannot know.
//!
//! A socket that was inherited through `exec`, that was made beside a fork, that exists
//! beside children that no hook saw, or that more processes hold than can be counted, may
//! be held by anybody. `/proc/PID/fd` tells, at about a microsecond a link. What it
//! cannot tell (another user's process, a hidden one, no procfs at all) counts
//! as held; so does what a look does not get to within its budget.
//!
//! Context: hooks of any kind, on the program's threads; see [`procfs`].

mod budget;
pub mod calls;
mod hidden;
mod kernel;
mod looks;
pub mod refs;

pub use looks::Looks;

use crate::decision::Doubt;
use crate::sys::Fd;
use crate::sys::process;
use crate::sys::procfs::{self, Dir, Path, Stat};
use crate::sys::socket;
use budget::Budget;
use core::ffi::CStr;
use core::ops::ControlFlow::{self, Break, Continue};
use kernel::KernelThreads;
use rustix::io::Errno;
use rustix::path::DecInt;
use rustix::process::{Pid, getpid};

/// Which processes and numbers can be ruled out beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The counts know all numbers of this process, or all are being closed.
    pub trust_self: bool,
    /// Whoever may hold it descends from the founder of the family, and so is
    /// visible from its pid namespace.
    pub in_family: bool,
    /// Who was started earlier cannot hold it, in clock ticks after boot; 0 where that is
    /// not known.
    pub not_before: u64,
    /// The process ends: a look may take longer, as no event loop waits for it.
    pub at_end: bool,
}

/// What speaks against `fd` being the only reference to its socket; `None`: it provably is.
#[inline(never)]
pub fn doubt(fd: Fd, scope: Scope) -> Option<Doubt> {
    let (Ok(inode), Ok(root)) = (socket::inode(fd), Dir::root()) else { return Some(Doubt::Unseen) };
    if parent_has(fd, inode) {
        return Some(Doubt::Found);
    }
    let budget = if scope.at_end { Budget::at_end() } else { Budget::begin() };
    let look = Look { root, inode, budget };
    if !look.sees_all(scope) {
        return Some(Doubt::Unseen);
    }
    look.here(scope).or_else(|| look.elsewhere(scope))
}

/// Whether a process of ours that has executed another program still holds the socket:
/// under this number, or under any. What cannot be looked at counts as yes.
#[inline(never)]
pub fn may_hold_still(pid: Pid, number: Option<Fd>, inode: u64) -> bool {
    if let Some(fd) = number {
        return procfs::holds_at(pid, fd, inode).unwrap_or(true);
    }
    let Ok(root) = Dir::root() else { return true };
    let look = Look { root, inode, budget: Budget::begin() };
    let is_let_go = match look.is_held_by(DecInt::new(pid.as_raw_nonzero().get()).as_c_str()) {
        Ok(Seen::Others | Seen::Nothing) => procfs::shows_our_numbers(),
        Ok(Seen::Socket | Seen::Unknown) => false,
        Err(_) => process::has_gone(pid),
    };
    !is_let_go
}

/// What a program was started with its parent has under the same number, as a rule: that is
/// seen at a glance.
fn parent_has(fd: Fd, inode: u64) -> bool {
    process::parent().is_some_and(|parent| procfs::holds_at(parent, fd, inode) == Some(true))
}

/// A look at who holds one socket.
struct Look {
    root: Dir,
    inode: u64,
    budget: Budget,
}

impl Look {
    /// Whether whoever may hold it can be seen at all.
    fn sees_all(&self, scope: Scope) -> bool {
        (scope.in_family || procfs::is_outermost(&self.root)) && hidden::is_nobody(&self.root, &self.budget)
    }

    /// Whether this process has it under one number only.
    #[inline(never)]
    fn here(&self, scope: Scope) -> Option<Doubt> {
        if scope.trust_self {
            return None;
        }
        let Ok(dir) = self.root.below(c"thread-self/fd") else { return Some(Doubt::Unseen) };
        let mut count = 0;
        let end = dir.each(|name| {
            count += u32::from(dir.socket_link(name) == Some(self.inode));
            if self.budget.is_spent() { Break(()) } else { Continue(()) }
        });
        match (end, count) {
            (Ok(None), 1) => None,
            (Ok(None), _) => Some(Doubt::Found),
            (Ok(Some(())), _) => Some(Doubt::LookBudget),
            (Err(_), _) => Some(Doubt::Unseen),
        }
    }

    /// Whether another process has it, or might.
    fn elsewhere(&self, scope: Scope) -> Option<Doubt> {
        let me = getpid().as_raw_nonzero().get() as u64;
        let kernel = KernelThreads::list(&self.root);
        let found = self.root.each(|name| match procfs::number(name.to_bytes()) {
            Some(pid) if pid != me && !kernel.has(pid) => self.may_be_held_by(name, scope),
            _ => Continue(()),
        });
        found.unwrap_or(Some(Doubt::Unseen))
    }

    /// Breaks where the process holds the socket, or might.
    fn may_be_held_by(&self, pid: &CStr, scope: Scope) -> ControlFlow<Doubt> {
        if self.budget.is_spent_now() {
            return Break(Doubt::LookBudget);
        }
        // One line tells of most that they are too old, for a fraction of a look at all that
        // they have.
        if scope.not_before != 0 && Stat::read(&self.root, pid).is_ok_and(|stat| stat.start < scope.not_before) {
            return Continue(());
        }
        match self.is_held_by(pid) {
            Ok(Seen::Socket) => Break(Doubt::Found),
            Ok(Seen::Unknown) => Break(Doubt::LookBudget),
            Ok(Seen::Others | Seen::Nothing) | Err(Errno::NOENT | Errno::SRCH) => Continue(()),
            Err(_) => match Stat::read(&self.root, pid) {
                Ok(stat) if stat.is_kernel_thread => Continue(()),
                Err(Errno::NOENT | Errno::SRCH) => Continue(()),
                _ => Break(Doubt::Unseen),
            },
        }
    }

    #[inline(never)]
    fn is_held_by(&self, pid: &CStr) -> Result<Seen, Errno> {
        match self.seen_in(&self.root.below(Path::join(pid, c"/fd").as_c_str())?)? {
            Seen::Nothing if Stat::read(&self.root, pid).is_ok_and(has_no_descriptors) => Ok(Seen::Nothing),
            Seen::Nothing => self.is_held_by_a_thread(pid),
            seen => Ok(seen),
        }
    }

    #[inline(never)]
    fn seen_in(&self, dir: &Dir) -> Result<Seen, Errno> {
        let mut empty = true;
        let found = dir.each(|name| {
            empty = false;
            if dir.socket_link(name) == Some(self.inode) {
                Break(Seen::Socket)
            } else if self.budget.is_spent() {
                Break(Seen::Unknown)
            } else {
                Continue(())
            }
        })?;
        Ok(found.unwrap_or(if empty { Seen::Nothing } else { Seen::Others }))
    }

    /// Where the first thread has ended before the others, procfs shows no
    /// descriptors for the process, and they are all still there.
    #[inline(never)]
    fn is_held_by_a_thread(&self, pid: &CStr) -> Result<Seen, Errno> {
        let tasks = self.root.below(Path::join(pid, c"/task").as_c_str())?;
        let found = tasks.each(|tid| {
            let dir = tasks.below(Path::join(tid, c"/fd").as_c_str());
            match dir.and_then(|dir| self.seen_in(&dir)) {
                Ok(seen @ (Seen::Socket | Seen::Unknown)) => Break(seen),
                _ if self.budget.is_spent() => Break(Seen::Unknown),
                _ => Continue(()),
            }
        })?;
        Ok(found.unwrap_or(Seen::Others))
    }
}

/// Kernel threads, and processes that have ended and wait for their parent.
fn has_no_descriptors(stat: Stat) -> bool {
    stat.is_kernel_thread || (stat.is_ending && stat.threads <= 1)
}

/// What one directory of descriptors shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Socket,
    Others,
    Nothing,
    /// The budget was spent before all was seen.
    Unknown,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    const ANYBODY: Scope = Scope { trust_self: false, in_family: true, not_before: 0, at_end: false };

    fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let there = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (listener.accept().unwrap().0, there)
    }

    fn fd(stream: &TcpStream) -> Fd {
        Fd::new(stream.as_raw_fd()).unwrap()
    }

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn a_duplicate_here_is_found() {
        let (here, _there) = connection();
        let copy = here.try_clone().unwrap();
        assert_eq!(doubt(fd(&here), ANYBODY), Some(Doubt::Found));
        drop(copy);
    }

    /// Where pid 1 does not reap there are many, and each took as long as a program.
    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn a_child_that_has_ended_and_is_not_reaped_has_no_descriptors() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let name = std::ffi::CString::new(child.id().to_string()).unwrap();
        let stat = || Stat::read(&Dir::root().unwrap(), &name).unwrap();
        assert_eq!(stat().threads, 1);
        while !has_no_descriptors(stat()) {
            std::thread::yield_now();
        }
        child.wait().unwrap();
    }

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn a_child_that_holds_it_is_found() {
        let (here, _there) = connection();
        let stdin = std::process::Stdio::from(std::os::fd::OwnedFd::from(here.try_clone().unwrap()));
        let mut child = std::process::Command::new("cat").stdin(stdin).spawn().unwrap();
        assert!(doubt(fd(&here), Scope { trust_self: true, ..ANYBODY }).is_some());
        here.shutdown(std::net::Shutdown::Both).unwrap();
        child.wait().unwrap();
    }
}

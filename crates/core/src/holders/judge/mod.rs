//! The judge: a look at procfs says which processes hold a socket, where the ledger cannot know.
//!
//! The ledger cannot know of a socket that was inherited through `exec` from another lineage, that was made
//! beside a fork, that exists beside untracked children, or that more processes hold than a slot has cells.
//! `/proc/PID/fd` shows the sockets of a process, at about a microsecond a link. What procfs cannot
//! show (a process of another user, a hidden process, no procfs at all) counts as held. So does what a look
//! does not reach within its budget.
//!
//! A look opens descriptors, on the lowest free numbers. So a thread with a descriptor table of its own makes
//! it (`drain/looking`), for all connections in question at once. The program's own thread makes it only
//! where the process ends, or where there can be no such thread.
//!
//! Context: async-signal-safe; see [`procfs`].

mod budget;
mod hidden;
mod kernel;
mod shared_budget;

pub use budget::Budget;
pub use shared_budget::SharedLookBudget;

use crate::holders::standing::Doubt;
use crate::sys::Fd;
use crate::sys::process;
use crate::sys::procfs::{self, Dir, Path, Stat};
use crate::sys::socket;
use core::cell::Cell;
use core::ffi::CStr;
use core::ops::ControlFlow::{self, Break, Continue};
use kernel::KernelThreads;
use rustix::io::Errno;
use rustix::process::getpid;

/// What can be ruled out before a look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// All numbers of this process are known to the counts, or are being closed.
    pub trust_self: bool,
    /// No other connection is served meanwhile: the look may take as long as at the end of a process.
    pub is_patient: bool,
    /// Every process that may hold the socket descends from the founder of the family, and so is visible from
    /// the founder's pid namespace.
    pub in_family: bool,
}

/// A socket that is looked for, and where it was seen.
#[derive(Debug)]
pub struct Sought {
    inode: u64,
    scope: Scope,
    /// Under how many numbers of this process it was seen.
    here: Cell<u32>,
    is_elsewhere: Cell<bool>,
}

impl Sought {
    /// The socket with this inode, seen nowhere yet.
    pub fn new(inode: u64, scope: Scope) -> Self {
        Self { inode, scope, here: Cell::new(0), is_elsewhere: Cell::new(false) }
    }
}

/// Looks for other references to the socket of `fd`, on the calling thread. `None`: there provably are none.
#[inline(never)]
pub fn doubt(fd: Fd, scope: Scope) -> Option<Doubt> {
    let Ok(inode) = socket::inode(fd) else { return Some(Doubt::Unseen) };
    if parent_has(fd, inode) {
        return Some(Doubt::Found);
    }
    let sought = [Sought::new(inode, scope)];
    look(&sought, Budget::of(scope)).doubt(&sought[0])
}

/// Whether a look can prove nothing: a process that procfs does not show here may have the socket.
pub fn is_in_vain(scope: Scope) -> bool {
    !scope.in_family && !procfs::is_outermost()
}

/// Whether the parent of this process has the socket under the same number. As a rule it has what it started
/// this program with, and one link tells.
pub fn parent_has(fd: Fd, inode: u64) -> bool {
    process::parent().is_some_and(|parent| procfs::holds_at(parent, fd, inode) == Some(true))
}

/// What a look at procfs has covered.
#[derive(Clone, Copy, Debug)]
pub struct LookResult {
    /// Why the look did not cover everything; `None` if it did.
    gap: Option<Doubt>,
}

impl LookResult {
    const NOTHING: Self = Self { gap: Some(Doubt::Unseen) };

    /// What speaks against this process being the only one that has the socket, and under one number only.
    pub fn doubt(self, sought: &Sought) -> Option<Doubt> {
        let Sought { scope, .. } = sought;
        match sought.here.get() {
            _ if sought.is_elsewhere.get() => Some(Doubt::Found),
            _ if self.gap.is_some() => self.gap,
            0 if !scope.trust_self => Some(Doubt::Unseen),
            2.. if !scope.trust_self => Some(Doubt::Found),
            _ => None,
        }
    }
}

/// Looks for all of these sockets at once, in every process.
#[inline(never)]
pub fn look(sought: &[Sought], budget: Budget) -> LookResult {
    let Ok(root) = Dir::root() else { return LookResult::NOTHING };
    let look = Look { root, sought, budget };
    let gap = if hidden::is_nothing(&look.root, &look.budget) { look.everywhere() } else { Some(Doubt::Unseen) };
    LookResult { gap }
}

/// One look.
struct Look<'a> {
    root: Dir,
    sought: &'a [Sought],
    budget: Budget,
}

impl Look<'_> {
    /// Looks at every process; answers why the look did not cover everything.
    fn everywhere(&self) -> Option<Doubt> {
        let me = getpid().as_raw_nonzero().get() as u64;
        let knows_me = self.sought.iter().all(|sought| sought.scope.trust_self);
        let kernel = KernelThreads::list(&self.root);
        let found = self.root.each(|name| match procfs::number(name.to_bytes()) {
            Some(pid) if pid == me && knows_me => Continue(()),
            Some(pid) if !kernel.has(pid) => self.see(name, pid == me),
            _ => Continue(()),
        });
        match found {
            Ok(Some(Stop::Gap(doubt))) => Some(doubt),
            Ok(_) => None,
            Err(_) => Some(Doubt::Unseen),
        }
    }

    /// Notes which of the sockets the process has.
    fn see(&self, pid: &CStr, is_me: bool) -> ControlFlow<Stop> {
        if self.budget.is_spent_now() {
            return Break(Stop::Gap(Doubt::LookBudget));
        }
        match self.see_process(pid, is_me) {
            Ok(Seen::TooMuch) => Break(Stop::Gap(Doubt::LookBudget)),
            Ok(_) if self.is_over() => Break(Stop::Over),
            Ok(_) | Err(Errno::NOENT | Errno::SRCH) => Continue(()),
            Err(_) => match Stat::read(&self.root, pid) {
                Ok(stat) if stat.is_kernel_thread => Continue(()),
                Err(Errno::NOENT | Errno::SRCH) => Continue(()),
                _ => Break(Stop::Gap(Doubt::Unseen)),
            },
        }
    }

    #[inline(never)]
    fn see_process(&self, pid: &CStr, is_me: bool) -> Result<Seen, Errno> {
        match self.see_numbers(&self.root.below(Path::join(pid, c"/fd").as_c_str())?, is_me)? {
            Seen::Nothing if Stat::read(&self.root, pid).is_ok_and(has_no_descriptors) => Ok(Seen::Nothing),
            Seen::Nothing => self.see_threads(pid, is_me),
            seen => Ok(seen),
        }
    }

    #[inline(never)]
    fn see_numbers(&self, dir: &Dir, is_me: bool) -> Result<Seen, Errno> {
        let mut seen = Seen::Nothing;
        let cut = dir.each(|name| {
            seen = Seen::All;
            match dir.socket_link(name) {
                Some(inode) if self.note(inode, is_me) && self.is_over() => Break(Seen::All),
                _ if self.budget.is_spent() => Break(Seen::TooMuch),
                _ => Continue(()),
            }
        })?;
        Ok(cut.unwrap_or(seen))
    }

    /// Whether this inode is that of a socket that is looked for; notes where it was seen.
    fn note(&self, inode: u64, is_me: bool) -> bool {
        let mut is_any = false;
        for sought in self.sought.iter().filter(|sought| sought.inode == inode) {
            is_any = true;
            if is_me {
                sought.here.set(sought.here.get() + 1);
            } else {
                sought.is_elsewhere.set(true);
            }
        }
        is_any
    }

    fn is_over(&self) -> bool {
        self.sought.iter().all(|sought| sought.is_elsewhere.get())
    }

    /// Where the first thread of a process has ended before the others, procfs shows no descriptors for the
    /// process, though all are still open: those of its threads are read.
    #[inline(never)]
    fn see_threads(&self, pid: &CStr, is_me: bool) -> Result<Seen, Errno> {
        let tasks = self.root.below(Path::join(pid, c"/task").as_c_str())?;
        let is_cut = tasks.each(|tid| {
            let dir = tasks.below(Path::join(tid, c"/fd").as_c_str());
            match dir.and_then(|dir| self.see_numbers(&dir, is_me)) {
                Ok(Seen::TooMuch) => Break(()),
                _ if self.budget.is_spent() => Break(()),
                _ => Continue(()),
            }
        })?;
        Ok(if is_cut.is_some() { Seen::TooMuch } else { Seen::All })
    }
}

/// Why a look ends early.
enum Stop {
    /// All sockets that are looked for were seen elsewhere.
    Over,
    Gap(Doubt),
}

/// Kernel threads, and processes that have ended and wait for their parent.
fn has_no_descriptors(stat: Stat) -> bool {
    stat.is_kernel_thread || (stat.is_ending && stat.threads <= 1)
}

/// How much of a process' descriptors was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// There are none.
    Nothing,
    All,
    /// The budget was spent before all were seen.
    TooMuch,
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    const ANYBODY: Scope = Scope { trust_self: false, is_patient: true, in_family: true };

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

    /// Where pid 1 does not reap there are many such processes, and a look at each took as long as at a program.
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

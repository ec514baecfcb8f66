//! Who holds a socket in truth: procfs, where the ledger cannot know.
//!
//! A socket that was inherited through `exec`, that was made beside a fork, that exists
//! beside children that no hook saw, or that more processes hold than can be counted, may
//! be held by anybody. `/proc/PID/fd` tells, at about a microsecond a link. What it
//! cannot tell (another user's process, a hidden one, no procfs at all) counts
//! as held; so does what a look does not get to within its budget.
//!
//! A look opens descriptors, on the lowest free numbers. So it is made by a thread with a
//! table of its own (`drain/looking`), for all connections at once; on the program's own
//! thread only where the process ends, or there can be no such thread.
//!
//! Context: async-signal-safe; see [`procfs`].

mod budget;
mod hidden;
mod kernel;
mod looks;

pub use budget::Budget;
pub use looks::Looks;

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

/// Which processes and numbers can be ruled out beforehand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The counts know all numbers of this process, or all are being closed.
    pub trust_self: bool,
    /// Nobody else is served meanwhile: the look may take as long as at the end of a process.
    pub is_patient: bool,
    /// Whoever may hold it descends from the founder of the family, and so is
    /// visible from its pid namespace.
    pub in_family: bool,
}

/// A socket that is looked for, and where it was seen.
#[derive(Debug)]
pub struct Sought {
    inode: u64,
    scope: Scope,
    /// Under so many numbers of this process.
    here: Cell<u32>,
    is_elsewhere: Cell<bool>,
}

impl Sought {
    /// The one with this inode, seen nowhere.
    pub fn new(inode: u64, scope: Scope) -> Self {
        Self { inode, scope, here: Cell::new(0), is_elsewhere: Cell::new(false) }
    }
}

/// What speaks against `fd` being the only reference to its socket; `None`: it provably is. A
/// look on the calling thread.
#[inline(never)]
pub fn doubt(fd: Fd, scope: Scope) -> Option<Doubt> {
    let Ok(inode) = socket::inode(fd) else { return Some(Doubt::Unseen) };
    if parent_has(fd, inode) {
        return Some(Doubt::Found);
    }
    let sought = [Sought::new(inode, scope)];
    look(&sought, Budget::of(scope)).doubt(&sought[0])
}

/// Whether a look can find nobody: who is outside of what procfs shows may have it.
pub fn is_in_vain(scope: Scope) -> bool {
    !scope.in_family && !procfs::is_outermost()
}

/// What a program was started with its parent has under the same number, as a rule: that is
/// seen at a glance.
pub fn parent_has(fd: Fd, inode: u64) -> bool {
    process::parent().is_some_and(|parent| procfs::holds_at(parent, fd, inode) == Some(true))
}

/// How much a look has seen.
#[derive(Clone, Copy, Debug)]
pub struct View {
    /// Why not everything there was seen.
    gap: Option<Doubt>,
}

impl View {
    const NOTHING: Self = Self { gap: Some(Doubt::Unseen) };

    /// What speaks against this process being the only one that has what was sought, under
    /// one number.
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

/// Looks for all of these at once, in every process.
#[inline(never)]
pub fn look(sought: &[Sought], budget: Budget) -> View {
    let Ok(root) = Dir::root() else { return View::NOTHING };
    let look = Look { root, sought, budget };
    let gap = if hidden::is_nobody(&look.root, &look.budget) { look.everywhere() } else { Some(Doubt::Unseen) };
    View { gap }
}

/// One look.
struct Look<'a> {
    root: Dir,
    sought: &'a [Sought],
    budget: Budget,
}

impl Look<'_> {
    /// Why not everything was seen.
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

    /// Notes which of them the process has, or might have.
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

    /// Whether it is one of them.
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

    /// Where the first thread has ended before the others, procfs shows no
    /// descriptors for the process, and they are all still there.
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
    /// All that is sought is elsewhere.
    Over,
    Gap(Doubt),
}

/// Kernel threads, and processes that have ended and wait for their parent.
fn has_no_descriptors(stat: Stat) -> bool {
    stat.is_kernel_thread || (stat.is_ending && stat.threads <= 1)
}

/// How much one directory of descriptors has shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    /// There is none.
    Nothing,
    All,
    /// The budget was spent before that.
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

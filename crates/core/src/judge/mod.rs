//! Who holds a socket in truth: procfs, where the ledger cannot know.
//!
//! A socket that was open while a process was spawned, that was inherited
//! through `exec`, or that exists beside children that no hook saw, may be held
//! by anybody. `/proc/PID/fd` tells, at about a microsecond a link. What it
//! cannot tell (another user's process, a hidden one, no procfs at all) counts
//! as held.
//!
//! Context: hooks of any kind, on the program's threads; see [`procfs`].

pub mod calls;

use crate::ledger::Others;
use crate::sys::Fd;
use crate::sys::procfs::{self, Dir, Path, Stat};
use crate::sys::socket;
use core::ffi::CStr;
use core::ops::ControlFlow::{self, Break, Continue};
use rustix::io::Errno;
use rustix::process::getpid;

/// Which processes and numbers can be ruled out beforehand.
#[derive(Clone, Copy, Debug)]
pub struct Scope {
    /// The counts know all numbers of this process, or all are being closed.
    pub trust_self: bool,
    /// Whoever may hold it descends from the founder of the family, and so is
    /// visible from its pid namespace.
    pub in_family: bool,
    /// Who can hold it, as far as the counts know.
    pub others: Others,
}

/// Whether `fd` is the only reference to its socket, provably.
#[inline(never)]
pub fn is_alone(fd: Fd, scope: Scope) -> bool {
    let Ok(inode) = socket::inode(fd) else { return false };
    let Ok(root) = Dir::root() else { return false };
    // With hidepid there may be processes that we cannot even see.
    let sees_all = Stat::read(&root, c"1").is_ok();
    sees_all
        && (scope.in_family || is_outermost(&root))
        && (scope.trust_self || numbers_here(&root, inode) == Some(1))
        && nobody_else(&root, inode, scope)
}

/// Whether no process is outside of what we see: `PROC_PID_INIT_INO` is the inode
/// of the first pid namespace.
fn is_outermost(root: &Dir) -> bool {
    root.is_link_to(c"thread-self/ns/pid", b"pid:[4026531836]")
}

#[inline(never)]
fn numbers_here(root: &Dir, inode: u64) -> Option<u32> {
    let dir = root.below(c"thread-self/fd").ok()?;
    let mut count = 0;
    let end: Option<()> = dir
        .each(|name| {
            count += u32::from(dir.socket_link(name) == Some(inode));
            Continue(())
        })
        .ok()?;
    end.is_none().then_some(count)
}

fn nobody_else(root: &Dir, inode: u64, scope: Scope) -> bool {
    let me = getpid().as_raw_nonzero().get() as u64;
    let found = root.each(|name| match procfs::number(name.to_bytes()) {
        Some(pid) if pid != me => may_hold(root, name, inode, scope),
        _ => Continue(()),
    });
    found == Ok(None)
}

/// Breaks where the process holds the socket, or might.
fn may_hold(root: &Dir, pid: &CStr, inode: u64, scope: Scope) -> ControlFlow<()> {
    let Others { not_before, forked_since } = scope.others;
    // One line tells of most that they are too old, for a fraction of a look at all that
    // they hold.
    if forked_since != 0 && Stat::read(root, pid).is_ok_and(|stat| stat.start < forked_since) {
        return Continue(());
    }
    match holds(root, pid, inode) {
        Ok(false) | Err(Errno::NOENT | Errno::SRCH) => Continue(()),
        Ok(true) => Break(()),
        Err(_) => match Stat::read(root, pid) {
            Ok(stat) if stat.is_kernel_thread || stat.start < not_before => Continue(()),
            Err(Errno::NOENT | Errno::SRCH) => Continue(()),
            _ => Break(()),
        },
    }
}

#[inline(never)]
fn holds(root: &Dir, pid: &CStr, inode: u64) -> Result<bool, Errno> {
    match seen_in(&root.below(Path::join(pid, c"/fd").as_c_str())?, inode)? {
        Seen::Socket => Ok(true),
        Seen::Others => Ok(false),
        Seen::Nothing if Stat::read(root, pid).is_ok_and(|stat| stat.is_kernel_thread) => Ok(false),
        Seen::Nothing => a_thread_holds(root, pid, inode),
    }
}

/// What one directory of descriptors shows.
enum Seen {
    Socket,
    Others,
    Nothing,
}

#[inline(never)]
fn seen_in(dir: &Dir, inode: u64) -> Result<Seen, Errno> {
    let mut empty = true;
    let found = dir.each(|name| {
        empty = false;
        if dir.socket_link(name) == Some(inode) { Break(()) } else { Continue(()) }
    })?;
    Ok(match found {
        Some(()) => Seen::Socket,
        None if empty => Seen::Nothing,
        None => Seen::Others,
    })
}

/// Where the first thread has ended before the others, procfs shows no
/// descriptors for the process, and they are all still there.
#[inline(never)]
fn a_thread_holds(root: &Dir, pid: &CStr, inode: u64) -> Result<bool, Errno> {
    let tasks = root.below(Path::join(pid, c"/task").as_c_str())?;
    let found = tasks.each(|tid| {
        let dir = tasks.below(Path::join(tid, c"/fd").as_c_str());
        match dir.and_then(|dir| seen_in(&dir, inode)) {
            Ok(Seen::Socket) => Break(()),
            _ => Continue(()),
        }
    })?;
    Ok(found.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{TcpListener, TcpStream};
    use std::os::fd::AsRawFd;

    const ANYBODY: Scope =
        Scope { trust_self: false, in_family: true, others: Others { not_before: 0, forked_since: 0 } };

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
        assert!(!is_alone(fd(&here), ANYBODY));
        drop(copy);
    }

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn a_child_that_holds_it_is_found() {
        let (here, _there) = connection();
        let stdin = std::process::Stdio::from(std::os::fd::OwnedFd::from(here.try_clone().unwrap()));
        let mut child = std::process::Command::new("cat").stdin(stdin).spawn().unwrap();
        assert!(!is_alone(fd(&here), Scope { trust_self: true, ..ANYBODY }));
        here.shutdown(std::net::Shutdown::Both).unwrap();
        child.wait().unwrap();
    }
}

//! Which socket a descriptor of another process is.
//!
//! Context: async-signal-safe; see [`super`] about the descriptor that it may take.

use super::dir::Dir;
use super::namespace::shows_our_numbers;
use super::path::Path;
use super::text::socket_inode;
use crate::sys::fd::Fd;
use crate::sys::process;
use core::ffi::CStr;
use core::mem::MaybeUninit;
use core::ops::ControlFlow::Break;
use rustix::fs::{CWD, readlinkat_raw};
use rustix::io::Errno;
use rustix::path::DecInt;
use rustix::process::Pid;

/// Whether descriptor `fd` of process `pid` is the socket with this inode. `None` where the
/// kernel does not let us look.
#[inline(never)]
pub fn holds_at(pid: Pid, fd: Fd, inode: u64) -> Option<bool> {
    let process = Path::join(c"/proc/", DecInt::new(pid.as_raw_nonzero().get()).as_c_str());
    let descriptors = Path::join(process.as_c_str(), c"/fd/");
    let link = Path::join(descriptors.as_c_str(), DecInt::new(fd.raw()).as_c_str());
    let mut buffer = [MaybeUninit::<u8>::uninit(); 40];
    match readlinkat_raw(CWD, link.as_c_str(), &mut buffer[..]) {
        // A link to something else proves nothing where procfs shows other pids than ours.
        Ok((text, _)) => Some(socket_inode(text) == Some(inode)).filter(|&is_it| is_it || shows_our_numbers()),
        Err(Errno::NOENT | Errno::SRCH) => lacks(pid, descriptors.as_c_str()).then_some(false),
        Err(_) => None,
    }
}

/// Whether the descriptor is missing for a reason that proves something: the process is gone,
/// or other descriptors of it are shown. Otherwise the process may be hidden or in another pid
/// namespace, or its first thread has ended, so that none of its descriptors is shown.
fn lacks(pid: Pid, descriptors: &CStr) -> bool {
    process::has_gone(pid) || shows_our_numbers() && has_entries(descriptors)
}

fn has_entries(path: &CStr) -> bool {
    Dir::at(path).and_then(|dir| dir.each(|_| Break(()))).is_ok_and(|found| found.is_some())
}

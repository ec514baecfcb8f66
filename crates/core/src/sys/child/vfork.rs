//! A child that runs on our memory and executes another program. The calling thread waits until
//! the child has executed it, or has ended.
//!
//! The child has a stack, a table of descriptors and a working directory of its own. It blocks the
//! signals that the calling thread blocks.
//!
//! Context: async-signal-safe.
//!
//! Source: clone(2), vfork(2).

use crate::sys::child::argument_list::ArgumentList;
use crate::sys::fd::Fd;
use crate::sys::machine::clone_process;
use crate::sys::raw::{nr, syscall6};
use core::ffi::CStr;
use core::ptr;
use rustix::io::{Errno, Result};
use rustix::process::Pid;

const CLONE_VM: usize = 0x100;
const CLONE_VFORK: usize = 0x4000;
const CLONE_SIGHAND: usize = 0x800;

/// Makes a child that runs `body(argument)` on `stack`. Returns its pid when it has executed
/// another program, or has ended.
///
/// # Errors
/// `EAGAIN`, `ENOMEM`, `EPERM`: the kernel makes no process.
pub fn vfork<T>(stack: &mut [u128], body: extern "C" fn(&T) -> !, argument: &T) -> Result<Pid> {
    let top = stack.as_mut_ptr_range().end as usize;
    // SAFETY: the child has a stack of its own, aligned to 16, and uses the argument only while
    // this thread waits.
    let made = unsafe { clone_process(CLONE_VM | CLONE_VFORK, top, body as usize, ptr::from_ref(argument) as usize) };
    if made < 0 {
        return Err(Errno::from_raw_os_error(-made as i32));
    }
    Pid::from_raw(made as i32).ok_or(Errno::INVAL)
}

/// Whether no seccomp filter refuses to make a process: a `clone` with flags that are invalid is
/// refused by the kernel itself.
pub fn is_allowed() -> bool {
    // SAFETY: `CLONE_SIGHAND` without `CLONE_VM` makes nothing (`copy_process`).
    unsafe { syscall6(nr::CLONE, [CLONE_SIGHAND, 0, 0, 0, 0, 0]) == Err(Errno::INVAL) }
}

/// Reaps a child that has ended (`wait4`).
pub fn reap(child: Pid) {
    const WALL: usize = 0x4000_0000;
    let pid = child.as_raw_nonzero().get() as usize;
    // SAFETY: nothing is written through null pointers.
    let _ = unsafe { syscall6(nr::WAIT4, [pid, 0, WALL, 0, 0, 0]) };
}

/// Changes the working directory to `/`. To be called by the child: otherwise it would keep the
/// file system of the program's directory busy, and `umount` would fail.
pub fn leave_directory() {
    // SAFETY: a terminated string.
    let _ = unsafe { syscall6(nr::CHDIR, [c"/".as_ptr() as usize, 0, 0, 0, 0, 0]) };
}

/// Starts a session of its own. To be called by the child: a process that waits for all of a
/// process group, or for a terminal, must not wait for the child.
pub fn leave_session() {
    // SAFETY: no arguments.
    let _ = unsafe { syscall6(nr::SETSID, [0; 6]) };
}

/// Executes the file that `program` is open on, with an empty environment. Returns only where that
/// fails.
pub fn execute(program: Fd, arguments: &ArgumentList) {
    const AT_EMPTY_PATH: usize = 0x1000;
    const NOTHING: &CStr = c"";
    let environment = [0usize];
    let (path, environment) = (NOTHING.as_ptr() as usize, environment.as_ptr() as usize);
    let args = [program.index(), path, arguments.address(), environment, AT_EMPTY_PATH, 0];
    // SAFETY: terminated strings and lists.
    let _ = unsafe { syscall6(nr::EXECVEAT, args) };
}

/// Ends the calling process, a child on the memory of its parent, with status 1.
pub fn exit_child() -> ! {
    loop {
        // SAFETY: integers only.
        let _ = unsafe { syscall6(nr::EXIT_GROUP, [1, 0, 0, 0, 0, 0]) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicU32, Ordering::SeqCst};

    extern "C" fn raise(word: &AtomicU32) -> ! {
        word.fetch_add(1, SeqCst);
        exit_child()
    }

    #[test]
    #[cfg_attr(miri, ignore = "processes")]
    fn the_child_has_written_to_our_memory_when_the_call_returns() {
        let word = AtomicU32::new(6);
        let mut stack = [0u128; 1024];
        let child = vfork(&mut stack, raise, &word).unwrap();
        assert_eq!(word.load(SeqCst), 7);
        reap(child);
    }

    #[test]
    #[cfg_attr(miri, ignore = "processes")]
    fn without_a_filter_a_process_can_be_made() {
        assert!(is_allowed());
    }
}

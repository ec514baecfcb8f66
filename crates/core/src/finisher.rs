//! `softclose-drain`: another program finishes the connections that a process leaves open, so that
//! the process can end at once.
//!
//! A child on our memory, with a copy of our table of descriptors, closes everything but the
//! connections and executes that program. It is small and static, and lies beside the library.
//! Its directory is known by device and inode, as the constructor found it: after a `chroot`
//! another directory may have the path, and what lies there must not run with our rights.
//!
//! It is not started where it could do harm. When pid 1 of a pid namespace ends, every process in
//! the namespace ends with it: neither that process nor its children leave anything behind.
//!
//! Context: the end of a process, with every signal blocked. No allocation: memory is mapped.

use crate::leftovers::Leftovers;
use crate::sys::argument_list::ArgumentList;
use crate::sys::known_directory::KnownDirectory;
use crate::sys::procfs::may_be_filtered;
use crate::sys::{Fd, close_all, memory, process, vfork};
use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};
use rustix::fs::stat;
use rustix::io::{Errno, FdFlags, Result, fcntl_setfd};
use rustix::process::Pid;
use softclose_finisher::task::{Task, write_number, write_status};

/// Whether a process may be made here that outlives this one. A seccomp filter that this process
/// was started under may kill it for making one, unless it has made one before.
pub fn is_welcome(has_forked: bool) -> bool {
    !ends_with_its_namespace() && (has_forked || !may_be_filtered(c"self/status")) && vfork::is_allowed()
}

/// Whether the pid namespace may end with this process: it is pid 1, or its parent is, which may
/// end when it hears of our end. Pid 1 of the whole system does not.
fn ends_with_its_namespace() -> bool {
    const INIT: Option<i32> = Some(1);
    let raw = |pid: Option<Pid>| pid.map(|pid| pid.as_raw_nonzero().get());
    let is_init = raw(process::pid()) == INIT;
    is_init || (raw(process::parent()) == INIT && !is_in_first_namespace())
}

fn is_in_first_namespace() -> bool {
    /// `PROC_PID_INIT_INO` of `include/linux/proc_ns.h`.
    const FIRST: u64 = 0xEFFF_FFFC;
    stat(c"/proc/self/ns/pid").is_ok_and(|found| found.st_ino == FIRST)
}

const NAME: &CStr = c"softclose-drain";

/// What the child needs to know. It runs on our memory, while we wait.
struct Order<'a> {
    home: &'a KnownDirectory,
    arguments: ArgumentList,
    /// The connections, in ascending order.
    kept: &'a [i32],
    has_failed: AtomicBool,
}

/// Leaves the connections to the program in `home`, for `bound_ms` milliseconds at most. It ends
/// with `status`. Answers its pid.
///
/// # Errors
/// `EAGAIN`, `ENOMEM`, `EPERM`: no process, or no memory. `ENOEXEC`: the program is not there, or
/// cannot be executed. The connections are still ours then.
#[inline(never)]
pub fn leave_to(home: &KnownDirectory, left: &Leftovers<'_>, bound_ms: u32, status: u8) -> Result<Pid> {
    const STACK: usize = 16 << 10;
    let kept = memory::zeroed_slice(left.len()).ok_or(Errno::NOMEM)?;
    kept.iter_mut().zip(left.numbers()).for_each(|(kept, fd)| *kept = fd.raw());
    kept.sort_unstable();
    let stack = memory::zeroed_slice(STACK / size_of::<u128>()).ok_or(Errno::NOMEM)?;
    let arguments = arguments(left, bound_ms, status).ok_or(Errno::NOMEM)?;
    let order = Order { home, arguments, kept, has_failed: AtomicBool::new(false) };
    let child = vfork::vfork(stack, succeed, &order)?;
    if order.has_failed.load(SeqCst) {
        vfork::reap(child);
        return Err(Errno::NOEXEC);
    }
    Ok(child)
}

/// The program's arguments: name, bound in milliseconds, the process to wait for, the status to end
/// with, and tasks.
fn arguments(left: &Leftovers<'_>, bound_ms: u32, status: u8) -> Option<ArgumentList> {
    const NUMBERS: usize = 3;
    let most = 1 + NUMBERS + left.len();
    let mut arguments = ArgumentList::with_room(most, most * Task::ROOM)?;
    arguments.push(write_name)?;
    for number in [u64::from(bound_ms), owner(left)] {
        arguments.push(|text| write_number(number, text))?;
    }
    arguments.push(|text| write_status(status, text))?;
    for task in left.tasks() {
        arguments.push(|text| task.write(text))?;
    }
    Some(arguments)
}

fn write_name(text: &mut [u8]) -> usize {
    let name = NAME.to_bytes_with_nul();
    text.iter_mut().zip(name).for_each(|(to, from)| *to = *from);
    name.len()
}

/// The process whose end the program must wait for before it touches the connections, or 0.
fn owner(left: &Leftovers<'_>) -> u64 {
    let me = process::pid().filter(|_| left.are_for_another());
    me.map_or(0, |pid| u64::from(pid.as_raw_nonzero().get().unsigned_abs()))
}

/// What the child does. Its table of descriptors and its directory are its own, its memory is not.
extern "C" fn succeed(order: &Order<'_>) -> ! {
    close_all::close_all_but(order.kept);
    vfork::leave_directory();
    vfork::leave_session();
    let has_sockets =
        order.kept.iter().filter_map(|&raw| Fd::new(raw)).all(|fd| fcntl_setfd(fd, FdFlags::empty()).is_ok());
    if has_sockets && let Ok(program) = order.home.open(NAME) {
        vfork::execute(program, &order.arguments);
    }
    order.has_failed.store(true, SeqCst);
    vfork::exit_child()
}

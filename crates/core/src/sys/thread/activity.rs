//! What another thread of this process is doing, and whether a signal handler fits on its stack.
//!
//! Context: async-signal-safe; see [`crate::sys::procfs`] about the descriptor that it takes.
//!
//! Source: `/proc/PID/task/TID/syscall` in proc(5).

use crate::sys::memory::peek;
use crate::sys::procfs::{Dir, Path};
use core::ffi::CStr;
use rustix::io::Errno;

/// What a thread is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadActivity {
    /// It sleeps in the kernel; its stack pointer is this address.
    Asleep(usize),
    /// It runs, or is ready to.
    Running,
    /// It has ended.
    Gone,
    /// The kernel does not tell.
    Unknown,
}

impl ThreadActivity {
    /// What the thread `tid` does at this moment; `tasks` is the directory `/proc/self/task`.
    #[inline(never)]
    pub fn of(tasks: &Dir, tid: &CStr) -> Self {
        let mut buffer = [0; 256];
        match tasks.read(Path::join(tid, c"/syscall").as_c_str(), &mut buffer) {
            Ok(line) => Self::parse(line),
            Err(Errno::NOENT | Errno::SRCH) => Self::Gone,
            Err(_) => Self::Unknown,
        }
    }

    /// The line is `running`, or numbers of which the last but one is the stack pointer.
    fn parse(line: &[u8]) -> Self {
        if line.starts_with(b"running") {
            return Self::Running;
        }
        let mut words = line.trim_ascii_end().rsplit(|&byte| byte == b' ');
        let pointer = words.nth(1).and_then(|word| word.strip_prefix(b"0x"));
        let pointer = pointer.and_then(|digits| usize::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok());
        match pointer {
            // A thread without a stack has ended: the first one, which stays as a zombie until
            // the others have ended.
            Some(0) => Self::Gone,
            Some(pointer) => Self::Asleep(pointer),
            None => Self::Unknown,
        }
    }
}

/// Whether the frame of a signal handler fits below the stack pointer `stack`. Frames take up to
/// 12 KiB on current machines (`AT_MINSIGSTKSZ` with AMX); more than twice that is asked for.
pub fn has_room_for_handler(stack: usize) -> bool {
    const FRAME: usize = 32 << 10;
    peek::can_be_read(stack.saturating_sub(FRAME), FRAME)
}

#[cfg(test)]
mod tests {
    use super::ThreadActivity::{self, Asleep, Gone, Running, Unknown};

    #[test]
    fn a_sleeping_thread_tells_its_stack_pointer() {
        let parse = |line: &[u8]| ThreadActivity::parse(line);
        let line = b"232 0x4 0x7f0000000010 0x20 0xffffffff 0x0 0x8 0x7ffd1c8a5e30 0x7f5ad1e5b1b6\n";
        assert_eq!(parse(line), Asleep(0x7ffd_1c8a_5e30));
        assert_eq!(parse(b"-1 0x7ffd1c8a5e30 0x7f5ad1e5b1b6\n"), Asleep(0x7ffd_1c8a_5e30));
        assert_eq!(parse(b"-1 0x0 0x0\n"), Gone);
        assert_eq!([parse(b"running\n"), parse(b""), parse(b"0\n")], [Running, Unknown, Unknown]);
    }
}

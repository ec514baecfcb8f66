//! The line of `/proc/PID/stat`, which every user may read of every process that procfs shows.
//!
//! Context: async-signal-safe; see [`super`] about the descriptor that it takes.
//!
//! Source: proc(5), `do_task_stat`.

use super::dir::Dir;
use super::path::Path;
use super::text::number;
use core::ffi::CStr;
use rustix::io::{Errno, Result};

/// What `/proc/PID/stat` says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// The state (field 3): `R`, `S`, `D` and the other letters of proc(5).
    pub state: u8,
    /// The number of threads (field 20). A first thread that has ended before the others
    /// counts as well.
    pub threads: u64,
    /// When the process was made, in clock ticks after boot (field 22).
    pub start: u64,
    /// Whether it is a kernel thread (`PF_KTHREAD` of field 9).
    pub is_kernel_thread: bool,
    /// Whether it is ending, and will soon be gone (`PF_EXITING` of field 9).
    pub is_ending: bool,
}

impl Stat {
    /// Reads the `stat` file of `process`, which is a directory below `root`, such as `42` or
    /// `self/task/43`.
    ///
    /// # Errors
    /// `ENOENT`, `ESRCH`: the process is gone. `EINVAL`: the line is not understood. Others as
    /// [`Dir::below`].
    #[inline(never)]
    pub fn read(root: &Dir, process: &CStr) -> Result<Self> {
        let mut buffer = [0; 400];
        let path = Path::join(process, c"/stat");
        Self::parse(root.read(path.as_c_str(), &mut buffer)?).ok_or(Errno::INVAL)
    }

    /// The name of the program, field 2, is in parentheses and may contain parentheses itself.
    /// So the fields are counted from the last closing one.
    fn parse(line: &[u8]) -> Option<Self> {
        const PF_KTHREAD: u64 = 0x0020_0000;
        const PF_EXITING: u64 = 0x0000_0004;
        let end = line.iter().rposition(|&byte| byte == b')')?;
        let mut fields = line.get(end + 2..)?.split(|&byte| byte == b' ');
        // After the name comes field 3.
        let state = *fields.next()?.first()?;
        let flags = number(fields.nth(9 - 3 - 1)?)?;
        let threads = number(fields.nth(20 - 9 - 1)?)?;
        let start = number(fields.nth(22 - 20 - 1)?)?;
        let is_ending = flags & PF_EXITING != 0;
        Some(Self { state, threads, start, is_kernel_thread: flags & PF_KTHREAD != 0, is_ending })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses_does_not_shift_the_fields() {
        let line = b"42 (a) b) (c) S 1 2 3 4 5 2097152 7 8 9 10 11 12 13 14 15 16 17 18 991 20 21\n";
        assert_eq!(
            Stat::parse(line),
            Some(Stat { state: b'S', threads: 17, start: 991, is_kernel_thread: true, is_ending: false })
        );
        assert_eq!(Stat::parse(b"42 (a"), None);
    }

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn the_line_of_this_process_is_understood() {
        let root = Dir::root().unwrap();
        let stat = Stat::read(&root, c"self").unwrap();
        assert!(stat.start > 0 && !stat.is_kernel_thread);
    }
}

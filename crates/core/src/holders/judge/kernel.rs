//! The kernel's own threads, which hold no socket of anybody's: a machine has dozens to
//! thousands of them, and a look at each costs as much as one at a small process.
//!
//! Thread 2 of the outermost pid namespace makes them all, and procfs lists its children
//! (`CONFIG_PROC_CHILDREN`). Programs that the kernel starts are among them (`core_pattern`):
//! they inherit from nobody.
//!
//! Context: hooks of any kind, on the program's threads; see [`crate::sys::procfs`].

use crate::sys::procfs::{Dir, File, Stat};
use core::cell::{Cell, RefCell};

/// Their ids, read along with a list of processes, which has the same order. Where it has
/// not, some are missed, and looked at as anybody else.
pub struct KernelThreads {
    rest: RefCell<Option<Rest>>,
    next: Cell<u64>,
}

struct Rest {
    file: File,
    room: [u8; 256],
    begin: usize,
    end: usize,
}

impl KernelThreads {
    /// None where they cannot be told.
    pub fn list(root: &Dir) -> Self {
        let is_maker = Stat::read(root, c"2").is_ok_and(|stat| stat.is_kernel_thread);
        let file = is_maker.then(|| root.file(c"2/task/2/children").ok()).flatten();
        let rest = file.map(|file| Rest { file, room: [0; 256], begin: 0, end: 0 });
        Self { rest: RefCell::new(rest), next: Cell::new(0) }
    }

    /// Whether `pid` is one of them; to be asked in rising order.
    pub fn has(&self, pid: u64) -> bool {
        while self.next.get() < pid {
            match self.rest.try_borrow_mut().ok().and_then(|mut rest| rest.as_mut()?.number()) {
                Some(number) => self.next.set(number),
                None => return false,
            }
        }
        self.next.get() == pid
    }
}

impl Rest {
    fn number(&mut self) -> Option<u64> {
        let mut number = None;
        while let Some(byte) = self.byte() {
            match byte {
                b'0'..=b'9' => number = Some(number.unwrap_or(0) * 10 + u64::from(byte - b'0')),
                _ if number.is_some() => break,
                _ => {}
            }
        }
        number
    }

    fn byte(&mut self) -> Option<u8> {
        if self.begin == self.end {
            self.end = self.file.read(&mut self.room).ok()?;
            self.begin = 0;
        }
        let byte = self.room.get(..self.end)?.get(self.begin).copied();
        self.begin += usize::from(byte.is_some());
        byte
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn whoever_is_told_to_be_one_is_one() {
        let root = Dir::root().unwrap();
        let threads = KernelThreads::list(&root);
        let told: Vec<u64> = (1..4096).filter(|&pid| threads.has(pid)).collect();
        for pid in told {
            let name = std::ffi::CString::new(pid.to_string()).unwrap();
            assert!(Stat::read(&root, &name).is_ok_and(|stat| stat.is_kernel_thread), "{pid}");
        }
        assert!(!threads.has(u64::from(std::process::id())));
    }
}

//! The kernel's own threads, which hold no program's socket. A machine has dozens to thousands of them, and
//! a look at each costs as much as a look at a small process.
//!
//! Thread 2 of the outermost pid namespace (`kthreadd`) makes them all, and procfs lists its children
//! (`CONFIG_PROC_CHILDREN`). Programs that the kernel starts are among them (`core_pattern`): these inherit no
//! descriptor of a program.
//!
//! Context: hooks of any kind, on the program's threads; see [`crate::sys::procfs`].

use crate::sys::procfs::{Dir, File, Stat};
use core::cell::{Cell, RefCell};

/// The ids of the kernel's threads, read along with a list of all processes, which has the same order. Where
/// the order differs some threads are missed, and looked at as any process.
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
    /// An empty list where the kernel does not tell.
    pub fn list(root: &Dir) -> Self {
        let is_kthreadd = Stat::read(root, c"2").is_ok_and(|stat| stat.is_kernel_thread);
        let file = is_kthreadd.then(|| root.file(c"2/task/2/children").ok()).flatten();
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
    fn every_listed_process_is_a_kernel_thread() {
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

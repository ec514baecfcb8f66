//! The cell of this process in the page: how many connections it holds now.
//!
//! A sum over all processes could not be right, because a process that was killed would never
//! subtract its part. So each process has a cell with its pid, and a reader adds up the cells of
//! the living ones.
//!
//! Context: any thread, any hook; async-signal-safe, lock-free.

use super::Counters;
use super::page::{Cell, Page};
use crate::sys::process;
use core::sync::atomic::Ordering::SeqCst;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};

impl Counters {
    /// Stores how many connections this process holds in its cell. Several threads may do this at the
    /// same time: each stores again until what it has stored is the present number.
    pub(super) fn publish_held(&self) {
        const PID: u64 = !(u32::MAX as u64);
        let Some(cell) = self.page.get().and_then(|page| self.cell(page)) else { return };
        loop {
            let held = self.held.load(SeqCst);
            cell.store(cell.load(SeqCst) & PID | u64::from(held), SeqCst);
            if self.held.load(SeqCst) == held {
                return;
            }
        }
    }

    /// The cell of this process. It is taken at the first drain: a free one, or that of a process that
    /// has ended. `None` where all are in use.
    fn cell(&self, page: &'static Page) -> Option<&'static Cell> {
        let mine = self.cell.load(SeqCst);
        if mine != 0 {
            return page.cells.get(mine as usize - 1);
        }
        let me = process::pid()?;
        let (at, cell) = find(page, me, |found| found == 0).or_else(|| find(page, me, is_dead))?;
        match self.cell.compare_exchange(0, at as u32 + 1, SeqCst, SeqCst) {
            Ok(_) => Some(cell),
            // Another thread has taken a cell for this process meanwhile.
            Err(other) => {
                cell.store(0, SeqCst);
                page.cells.get(other as usize - 1)
            }
        }
    }
}

/// The content of a cell.
fn word(pid: Pid, held: u32) -> u64 {
    (pid.as_raw_nonzero().get() as u64) << 32 | u64::from(held)
}

/// Takes the first cell for which `is_free` holds, for process `me`.
fn find(page: &'static Page, me: Pid, is_free: fn(u64) -> bool) -> Option<(usize, &'static Cell)> {
    page.cells.iter().enumerate().find(|(_, cell)| {
        let found = cell.load(SeqCst);
        is_free(found) && cell.compare_exchange(found, word(me, 0), SeqCst, SeqCst).is_ok()
    })
}

/// Whether the process that has this cell has ended. False where the cell has no valid pid.
fn is_dead(cell: u64) -> bool {
    Pid::from_raw(((cell >> 32) as i32).max(0)).is_some_and(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

//! Closing all descriptors but a few.
//!
//! Context: the end of a process, or a child that is about to execute another program: no other
//! thread uses the table any more. Async-signal-safe.

use crate::sys::fd::Fd;
use crate::sys::procfs::{Dir, descriptor};
use crate::sys::raw::{nr, syscall6};
use core::ops::ControlFlow::Continue;
use rustix::io::Result;

/// Closes every descriptor of this process whose number is not in `kept`, which must be sorted.
pub fn close_all_but(kept: &[i32]) {
    // `close_range` fails before Linux 5.9, and under some seccomp filters.
    if each_gap(kept, close_range).is_err() {
        close_by_procfs(kept);
    }
}

/// Calls `close` with the first and the last number of every range between the numbers in
/// `kept`.
fn each_gap(kept: &[i32], mut close: impl FnMut(u32, u32) -> Result<()>) -> Result<()> {
    let mut first = 0;
    for fd in kept.iter().map(|&fd| fd as u32) {
        if first < fd {
            close(first, fd - 1)?;
        }
        first = fd + 1;
    }
    close(first, u32::MAX)
}

fn close_range(first: u32, last: u32) -> Result<()> {
    // SAFETY: integers; no code uses these descriptors any more.
    unsafe { syscall6(nr::CLOSE_RANGE, [first as usize, last as usize, 0, 0, 0, 0]) }.map(drop)
}

/// The directory that is read is a descriptor itself: its drop closes it at the end.
#[inline(never)]
fn close_by_procfs(kept: &[i32]) {
    let Ok(dir) = Dir::own_descriptors() else { return };
    let close = |fd: Fd| {
        if kept.binary_search(&fd.raw()).is_err() && !dir.is(fd) {
            fd.close();
        }
    };
    let _: Result<Option<()>> = dir.each(|name| {
        descriptor(name).into_iter().for_each(close);
        Continue(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(kept: &[i32]) -> Vec<(u32, u32)> {
        let mut gaps = Vec::new();
        each_gap(kept, |first, last| {
            gaps.push((first, last));
            Ok(())
        })
        .unwrap();
        gaps
    }

    #[test]
    fn the_ranges_leave_out_what_is_kept() {
        assert_eq!(gaps(&[]), [(0, u32::MAX)]);
        assert_eq!(gaps(&[0, 1, 5]), [(2, 4), (6, u32::MAX)]);
        assert_eq!(gaps(&[3, 3, 9]), [(0, 2), (4, 8), (10, u32::MAX)]);
    }
}

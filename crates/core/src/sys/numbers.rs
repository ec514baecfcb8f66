//! Giving up all descriptor numbers but a few.
//!
//! Context: the end of a process, or a child that is about to be another program: nobody
//! else uses the table. Async-signal-safe.

use super::Fd;
use super::procfs::{Dir, descriptor};
use super::raw::{nr, syscall6};
use core::ops::ControlFlow::Continue;
use rustix::io::Result;

/// Closes every number of this process but `kept`, which is sorted.
pub fn close_all_but(kept: &[i32]) {
    // Before Linux 5.9, or under a filter.
    if each_gap(kept, close_range).is_err() {
        close_by_procfs(kept);
    }
}

/// Calls `close` with the first and the last number of every range between those in `kept`.
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
    // SAFETY: integers; nobody uses these numbers any more.
    unsafe { syscall6(nr::CLOSE_RANGE, [first as usize, last as usize, 0, 0, 0, 0]) }.map(drop)
}

/// The directory is one of the numbers: it is closed last, by itself.
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
    fn what_is_kept_lies_between_the_ranges() {
        assert_eq!(gaps(&[]), [(0, u32::MAX)]);
        assert_eq!(gaps(&[0, 1, 5]), [(2, 4), (6, u32::MAX)]);
        assert_eq!(gaps(&[3, 3, 9]), [(0, 2), (4, 8), (10, u32::MAX)]);
    }
}

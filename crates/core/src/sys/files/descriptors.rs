//! Every open number of the calling thread's descriptor table.
//!
//! Context: any hook, on the program's own threads; see [`crate::sys::procfs`] about the
//! descriptor that it may take. Async-signal-safe.

use crate::sys::fd::Fd;
use crate::sys::procfs::{Dir, descriptor};
use core::ops::ControlFlow::{Break, Continue};

/// Most numbers that are visited. Each takes a few hundred nanoseconds.
const MOST: u64 = 4096;

/// Calls `visit` with every open number. Answers false where these may not have been all:
/// procfs cannot be read, or more than 4,096 numbers are open.
///
/// Where the kernel says how many are open, the numbers below 64 are tried one by one. For a
/// program that has few open, that is cheaper than to read a directory of procfs.
#[inline(never)]
pub fn each(mut visit: impl FnMut(Fd)) -> bool {
    match count_open() {
        Some(open) if open > MOST => false,
        Some(open) => each_low(open, &mut visit) || each_listed(LOW, &mut visit),
        None => each_listed(0, &mut visit),
    }
}

/// How many numbers are open; `None` where the kernel does not tell (before Linux 6.2). It takes
/// no descriptor. Source: `proc_fd_getattr`.
fn count_open() -> Option<u64> {
    let found = rustix::fs::stat(c"/proc/thread-self/fd").ok()?;
    u64::try_from(found.st_size).ok().filter(|&count| count != 0)
}

/// The numbers below this one are tried one by one.
const LOW: i32 = 64;

/// Visits the open numbers below [`LOW`], and answers whether these are all of the `open` ones.
fn each_low(open: u64, visit: &mut impl FnMut(Fd)) -> bool {
    let mut left = open;
    for fd in (0..LOW).filter_map(Fd::new) {
        if left == 0 {
            return true;
        }
        if fd.is_open() {
            visit(fd);
            left -= 1;
        }
    }
    left == 0
}

/// Visits the open numbers from `first` on, as procfs lists them.
fn each_listed(first: i32, visit: &mut impl FnMut(Fd)) -> bool {
    let Ok(dir) = Dir::own_descriptors() else { return false };
    let mut left = MOST;
    let all = dir.each(|name| {
        let Some(rest) = left.checked_sub(1) else { return Break(()) };
        left = rest;
        descriptor(name).filter(|fd| fd.raw() >= first).into_iter().for_each(&mut *visit);
        Continue(())
    });
    all == Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;

    #[test]
    #[cfg_attr(miri, ignore = "procfs")]
    fn low_and_high_numbers_are_visited() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let high = Fd::new(file.as_raw_fd()).unwrap().duplicate_from(LOW + 36).unwrap();
        let mut seen = Vec::new();
        assert!(each(|fd| seen.push(fd.raw())));
        assert!(seen.contains(&file.as_raw_fd()) && seen.contains(&high.raw()));
        high.close();
    }
}

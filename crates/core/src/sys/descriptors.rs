//! Every open number of the calling thread's descriptor table.
//!
//! Context: hooks of any kind, on the program's threads; see [`super::procfs`].

use super::Fd;
use super::procfs::{self, Dir, descriptor};
use core::ops::ControlFlow::{Break, Continue};

/// So many are visited: a few hundred nanoseconds each.
const MOST: u64 = 4096;

/// Calls `visit` with every open number, and answers whether these were all. Where the
/// kernel says how many are open, the low ones are tried, which is cheaper than a look at
/// procfs for a program that has few.
#[inline(never)]
pub fn each(mut visit: impl FnMut(Fd)) -> bool {
    match procfs::open_numbers() {
        Some(open) if open > MOST => false,
        Some(open) => each_low(open, &mut visit) || each_listed(LOW, &mut visit),
        None => each_listed(0, &mut visit),
    }
}

/// Numbers below are tried.
const LOW: i32 = 64;

/// Answers whether none is open beyond.
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

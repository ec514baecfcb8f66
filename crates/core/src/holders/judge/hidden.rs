//! Whether procfs hides processes from this one (mount options `hidepid`, `subset`).
//!
//! That pid 1 can be seen proves that nothing is hidden only where `hidepid` would hide pid 1. In a container
//! pid 1 is the program itself, or its parent: there the options of the mount have to be read.
//!
//! Context: hooks of any kind, on the program's threads; see [`crate::sys::procfs`].

use super::budget::Budget;
use crate::sys::procfs::{Dir, Stat};
use rustix::io::Errno;

/// Whether provably no process is hidden.
#[inline(never)]
pub fn is_nothing(root: &Dir, budget: &Budget) -> bool {
    Stat::read(root, c"1").is_ok() && (is_shown_though_not_ours(root) || is_mounted_openly(root, budget))
}

/// Whether pid 1 is a process that this one may not look into, and that is shown all the same.
fn is_shown_though_not_ours(root: &Dir) -> bool {
    matches!(root.below(c"1/fd"), Err(Errno::ACCESS | Errno::PERM))
}

/// Whether a procfs is mounted on `/proc`, and none of those mounted there hides anything. One that another
/// mount covers is not the one in use, but counts too: that is the safe side.
#[inline(never)]
fn is_mounted_openly(root: &Dir, budget: &Budget) -> bool {
    let (mut is_any, mut hides) = (false, false);
    let all = root.each_line(c"self/mountinfo", |line| {
        match options(line) {
            Some(options) if is_open(options) => is_any = true,
            Some(_) => hides = true,
            None => {}
        }
        !budget.is_spent_now()
    });
    all == Ok(true) && is_any && !hides
}

/// The options of the file system, if `line` of mountinfo is that of a procfs on `/proc`: its last field.
/// A line that is cut short counts as one that hides processes.
fn options(line: &[u8]) -> Option<&[u8]> {
    let mut fields = line.split(|&byte| byte == b' ');
    let is_there = fields.nth(4) == Some(b"/proc".as_slice());
    let mut rest = fields.skip_while(|field| *field != b"-").skip(1);
    let is_procfs = rest.next() == Some(b"proc".as_slice());
    (is_there && is_procfs).then(|| rest.nth(1).unwrap_or(b"hidepid"))
}

fn is_open(options: &[u8]) -> bool {
    const OPENLY: [&[u8]; 2] = [b"hidepid=0", b"hidepid=off"];
    let hides = |option: &[u8]| option.starts_with(b"hidepid") || option.starts_with(b"subset");
    !options.split(|&byte| byte == b',').any(|option| hides(option) && !OPENLY.contains(&option))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_a_procfs_tells_whether_it_hides_anything() {
        let seen = |line: &[u8]| options(line).map(is_open);
        assert_eq!(seen(b"22 26 0:21 / /proc rw,nosuid shared:12 - proc proc rw"), Some(true));
        assert_eq!(seen(b"22 26 0:21 / /proc rw,nosuid - proc none rw,hidepid=off,gid=4"), Some(true));
        assert_eq!(seen(b"22 26 0:21 / /proc rw - proc proc rw,gid=4,hidepid=invisible"), Some(false));
        assert_eq!(seen(b"22 26 0:21 / /proc rw - proc proc rw,subset=pid"), Some(false));
        assert_eq!(seen(b"22 26 0:21 / /proc rw - proc proc"), Some(false));
        assert_eq!(seen(b"23 26 0:22 / /sys rw shared:2 - sysfs sysfs rw"), None);
        assert_eq!(seen(b""), None);
    }
}

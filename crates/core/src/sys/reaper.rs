//! Whether pid 1, which becomes the parent of whoever outlives its own, reaps them.
//!
//! In a container pid 1 may be any program. Where it does not, what has ended stays in the
//! table of processes for ever.
//!
//! Context: the end of a process; no allocation. Source: `/proc/PID/task/TID/children`
//! (`CONFIG_PROC_CHILDREN`), the eldest first; where there is none nothing is known.

use super::procfs::{Dir, Stat, number};
use rustix::path::DecInt;

/// So many that have ended and are still there are no chance.
const MANY: usize = 8;
/// So many of its children are looked at.
const LOOKED_AT: usize = 64;

/// Whether children of pid 1 that have ended stay.
#[inline(never)]
pub fn is_missing() -> bool {
    let mut room = [0; 512];
    let Ok(root) = Dir::root() else { return false };
    let Ok(children) = root.read(c"1/task/1/children", &mut room) else { return false };
    let ended = numbers(children).take(LOOKED_AT).filter(|&pid| has_ended(&root, pid));
    ended.take(MANY).count() == MANY
}

/// Each is followed by a space; what is cut off is none.
fn numbers(text: &[u8]) -> impl Iterator<Item = u64> {
    text.split_inclusive(|&byte| byte == b' ').filter_map(|word| number(word.strip_suffix(b" ")?))
}

fn has_ended(root: &Dir, pid: u64) -> bool {
    Stat::read(root, DecInt::new(pid).as_c_str()).is_ok_and(|stat| stat.state == b'Z')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_is_cut_off_is_none() {
        assert_eq!(numbers(b"12 345 67").collect::<Vec<_>>(), [12, 345]);
        assert_eq!(numbers(b"").count(), 0);
    }
}

//! A program and the processes that it has made: what they hold.

use crate::proc::descriptors;
use std::collections::BTreeMap;
use std::fs;

/// `pid` and all of its descendants, as far as they are its children's children
/// still: one that has lost its parent is not found.
pub fn processes(pid: u32) -> Vec<u32> {
    let mut all = vec![pid];
    let mut next = 0;
    while next < all.len() {
        all.extend(children(all[next]));
        next += 1;
    }
    all
}

fn children(pid: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let lists = threads.flatten().filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
    lists.flat_map(|list| list.split_whitespace().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
}

/// How many descriptors of each kind all of them have. The directory of the run is
/// left out of the names: it is another one each time.
pub fn kinds(pid: u32) -> BTreeMap<String, usize> {
    let mut kinds = BTreeMap::new();
    for kind in processes(pid).into_iter().flat_map(|pid| descriptors(pid).into_values()) {
        *kinds.entry(kind.rsplit('/').next().unwrap_or_default().to_owned()).or_default() += 1;
    }
    kinds
}

/// Memory of all of them that nobody else has (`Private_Dirty`), in KiB.
pub fn private_memory(pid: u32) -> u64 {
    processes(pid).into_iter().filter_map(of_one).sum()
}

fn of_one(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("Private_Dirty:"))?;
    line.trim().trim_end_matches(" kB").trim().parse().ok()
}

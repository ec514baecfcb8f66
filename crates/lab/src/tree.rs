//! What a program and the processes that it has started hold: descriptors and memory.

use shim_tests::proc::descriptors;
use std::fs;

/// `pid` and all of its descendants. A process whose parent has ended is not found.
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

/// How many descriptors these processes have together.
pub fn descriptor_count(processes: &[u32]) -> usize {
    processes.iter().map(|&pid| descriptors(pid).len()).sum()
}

/// The memory of these processes that is shared with no other (`Private_Dirty`), in KiB.
pub fn private_memory(processes: &[u32]) -> u64 {
    processes.iter().filter_map(|&pid| of_one(pid)).sum()
}

fn of_one(pid: u32) -> Option<u64> {
    private_dirty(fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?.lines())
}

/// The KiB of `Private_Dirty` in the lines of a `smaps_rollup`.
pub fn private_dirty<'a>(mut lines: impl Iterator<Item = &'a str>) -> Option<u64> {
    let size = lines.find_map(|line| line.strip_prefix("Private_Dirty:"))?;
    size.trim().trim_end_matches(" kB").trim().parse().ok()
}

//! The network namespaces of the host, each by a process in it.

use crate::proc;
use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// The network namespace of a process, by its inode.
pub fn of(pid: u32) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{pid}/ns/net")).ok()?.ino())
}

/// Every network namespace that has a process, with one of them.
pub fn all() -> impl Iterator<Item = (u64, u32)> {
    let mut seen = HashSet::new();
    proc::pids()
        .unwrap_or_default()
        .into_iter()
        .filter_map(|pid| Some((of(pid)?, pid)))
        .filter(move |(namespace, _)| seen.insert(*namespace))
}

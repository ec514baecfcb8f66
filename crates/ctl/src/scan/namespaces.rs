//! The network namespaces of the host, each by a process in it.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

/// Every process.
pub fn pids() -> impl Iterator<Item = u32> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The network namespace of a process, by its inode.
pub fn of(pid: u32) -> Option<u64> {
    Some(fs::metadata(format!("/proc/{pid}/ns/net")).ok()?.ino())
}

/// Every network namespace that has a process, with one of them.
pub fn all() -> impl Iterator<Item = (u64, u32)> {
    let mut seen = HashSet::new();
    pids().filter_map(|pid| Some((of(pid)?, pid))).filter(move |(namespace, _)| seen.insert(*namespace))
}

//! One process that has softclose loaded, as procfs shows it.

use crate::printable::printable;
use crate::proc::{self, Map};
use crate::refs;
use crate::stats_file::FileId;
use crate::stats_file::directory::is_stats_file;
use rustix::param::clock_ticks_per_second;
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// A process that has softclose loaded.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its pid in the namespace of softclosectl.
    pub pid: u32,
    /// Its pid in its own namespace.
    pub own_pid: u32,
    /// Its effective user.
    pub user: u32,
    /// Its name (`/proc/PID/comm`).
    pub program: String,
    /// Time since it was started.
    pub uptime: Duration,
    /// The stats files that it maps. It has more than one if several copies of the library are loaded.
    pub stats_files: Vec<FileId>,
    /// What decides closes that its own counts leave open. `None` where this user may not know.
    pub arbiter: Option<Arbiter>,
}

/// What decides a close where softclose's own counts do not prove who holds the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arbiter {
    /// The kernel's own count of references.
    Kernel,
    /// A look at procfs.
    Procfs,
}

/// A stats file as one process maps it.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Which file it is.
    pub id: FileId,
    /// Its path, as the process sees it.
    pub path: PathBuf,
    /// The addresses, by which `/proc/PID/map_files` names it.
    pub address: (u64, u64),
}

/// What a look at one process has found.
pub enum Look {
    /// It has softclose loaded, and maps these stats files.
    Loaded(Vec<Mapping>),
    /// It does not have softclose loaded, or is gone.
    Other,
    /// It may not be looked at.
    Hidden,
}

/// Looks at what a process maps.
pub fn look(pid: u32) -> Look {
    /// A process has one, or one for each copy of the library. It can map any number of files with
    /// such a name, and each is read.
    const MOST_MAPPINGS: usize = 8;
    let mut mappings: Vec<Mapping> = Vec::new();
    let mut has_library = false;
    let looked = proc::maps(pid, |map| {
        has_library |= is_library(map);
        let is_new = |mapping: &Mapping| mappings.iter().all(|other| other.id != mapping.id);
        if mappings.len() < MOST_MAPPINGS {
            let mapping = Mapping::of(map).filter(is_new);
            mappings.extend(mapping);
        }
    });
    match looked {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Look::Hidden,
        Err(_) => Look::Other,
        Ok(()) if mappings.is_empty() && !has_library => Look::Other,
        Ok(()) => Look::Loaded(mappings),
    }
}

impl Process {
    /// A process that has softclose loaded. `None` where it is gone.
    pub fn of(pid: u32, uptime: f64, stats_files: Vec<FileId>) -> Option<Self> {
        let (stat, status) = (proc::stat(pid)?, proc::status(pid)?);
        let started = stat.started as f64 / clock_ticks_per_second() as f64;
        Some(Self {
            pid,
            own_pid: status.own_pid.unwrap_or(pid),
            user: status.user,
            program: printable(&String::from_utf8_lossy(&stat.name)),
            uptime: Duration::try_from_secs_f64(uptime - started).unwrap_or_default(),
            stats_files,
            arbiter: Arbiter::of(pid, status.user),
        })
    }
}

impl Arbiter {
    /// What a process of this user can ask, in its own view of the file system.
    fn of(pid: u32, user: u32) -> Option<Self> {
        let root = PathBuf::from(format!("/proc/{pid}/root"));
        // Without the right to look there, nothing would be found.
        std::fs::metadata(root.join(".")).ok()?;
        Some(if refs::is_for(&root, user) { Self::Kernel } else { Self::Procfs })
    }

    /// The word for it in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Procfs => "procfs",
        }
    }
}

impl Mapping {
    /// A stats file, if this is a mapping of one as softclose makes it. Whoever may only read a file
    /// cannot map it so: a user's process has no file of root's but one that it got from a process of
    /// root's.
    fn of(map: &Map<'_>) -> Option<Self> {
        let path = proc::without_mark(map.path);
        let is_its = map.is_written_through && is_stats_file(path);
        let id = FileId { device: map.device, inode: map.inode };
        is_its.then(|| Self { id, path: OsStr::from_bytes(path).into(), address: map.address })
    }
}

fn is_library(map: &Map<'_>) -> bool {
    let name = map.path.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    name.starts_with(b"libsoftclose.so")
}

//! One process that has softclose loaded, as procfs shows it, and one that may not be looked at.

use crate::printable::printable;
use crate::refs;
use crate::stats_file::{self, FileId};
use procfs::ProcError;
use procfs::process::{MMapPath, MemoryMap, Process as Entry};
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
pub fn look(entry: &Entry) -> Look {
    let maps = match entry.maps() {
        Ok(maps) => maps,
        Err(ProcError::PermissionDenied(_)) => return Look::Hidden,
        Err(_) => return Look::Other,
    };
    let mappings: Vec<_> = maps.iter().filter_map(Mapping::of).collect();
    if mappings.is_empty() && !maps.iter().any(is_library) { Look::Other } else { Look::Loaded(mappings) }
}

impl Process {
    /// A process that has softclose loaded. `None` where it is gone.
    pub fn of(entry: &Entry, uptime: f64, stats_files: Vec<FileId>) -> Option<Self> {
        let (stat, status) = (entry.stat().ok()?, entry.status().ok()?);
        let started = stat.starttime as f64 / procfs::ticks_per_second() as f64;
        let own = status.nspid.as_ref().and_then(|pids| pids.last().copied()).unwrap_or(entry.pid);
        Some(Self {
            pid: u32::try_from(entry.pid).ok()?,
            own_pid: u32::try_from(own).ok()?,
            user: status.euid,
            program: printable(&stat.comm),
            uptime: Duration::from_secs_f64((uptime - started).max(0.0)),
            stats_files,
            arbiter: Arbiter::of(entry.pid, status.euid),
        })
    }
}

impl Arbiter {
    /// What a process of this user can ask, in its own view of the file system.
    fn of(pid: i32, user: u32) -> Option<Self> {
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
    fn of(map: &MemoryMap) -> Option<Self> {
        let MMapPath::Path(path) = &map.pathname else { return None };
        let text = path.to_str()?;
        // procfs adds this where the file is gone.
        let path = PathBuf::from(text.strip_suffix(" (deleted)").unwrap_or(text));
        let id = FileId { device: (map.dev.0 as u32, map.dev.1 as u32), inode: map.inode };
        stats_file::is_stats_file(&path).then_some(Self { id, path, address: map.address })
    }
}

fn is_library(map: &MemoryMap) -> bool {
    let MMapPath::Path(path) = &map.pathname else { return false };
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("libsoftclose.so"))
}

/// A process that may not be looked at: procfs does not say what it maps.
#[derive(Clone, Copy, Debug)]
pub struct HiddenProcess {
    /// Its effective user, if that is known.
    user: Option<u32>,
    /// When it was started, in clock ticks after boot.
    started: u64,
}

impl HiddenProcess {
    /// What is known of it.
    pub fn of(entry: &Entry) -> Self {
        let user = entry.status().ok().map(|status| status.euid);
        Self { user, started: entry.stat().map_or(u64::MAX, |stat| stat.starttime) }
    }

    /// Whether it may use a stats file of the user `owner`, whose first process was started at
    /// `created`. An older process does not, and only a process of root can have become one of
    /// another user.
    pub fn may_use(&self, owner: u32, created: u64) -> bool {
        self.started >= created && (owner == 0 || self.user.is_none_or(|user| user == owner))
    }
}

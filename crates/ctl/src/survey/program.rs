//! One program: a stats file, and the processes that count into it.

use super::process::Process;
use crate::stats_file::StatsFile;
use softclose_core::counters::page::Reading;

/// Whether a process uses a stats file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// At least one process uses it.
    Live,
    /// No process uses it.
    Dead,
    /// No process that this user may look at uses it.
    Unknown,
}

impl Liveness {
    /// The word for it in tables and JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Dead => "ended",
            Self::Unknown => "not visible",
        }
    }
}

/// A stats file and the processes that use it: one process, and all that it has forked.
#[derive(Clone, Debug)]
pub struct Program {
    /// The file.
    pub file: StatsFile,
    /// The content of the file.
    pub reading: Reading,
    /// The processes that map it, the eldest first.
    pub processes: Vec<Process>,
    /// Whether a process uses it.
    pub state: Liveness,
}

impl Program {
    /// The pid by which the program is named: that of its eldest process, or, if it has ended, that
    /// of its first one.
    pub fn pid(&self) -> u32 {
        self.processes.first().map_or(self.reading.creator, |process| process.pid)
    }

    /// Whether it has ended, and its first process had this pid in this pid namespace.
    pub fn was_started_as(&self, pid: u32, namespace: Option<u64>) -> bool {
        let Reading { creator, namespace: its, .. } = self.reading;
        self.processes.is_empty() && creator == pid && namespace == Some(its)
    }

    /// Whether the file is its process's own: it belongs to the user of that process, or to root, and
    /// nobody else may write to it. What root has made so, another user's process maps only if it got it
    /// from a process of root's. Any other file can have been written by somebody else.
    pub fn is_verified(&self) -> bool {
        let is_its = |eldest: &Process| [0, eldest.user].contains(&self.file.user);
        !self.file.is_open_to_others && self.processes.first().is_some_and(is_its)
    }

    /// Whose file it is, behind a comma, where it may be somebody else's than the process's: that user may
    /// have written anything there.
    pub fn owner_in_doubt(&self) -> String {
        if self.is_verified() { String::new() } else { format!(", file of user {}", self.file.user) }
    }

    /// Connections that are in drain now. A process that was killed holds none.
    pub fn held(&self) -> u64 {
        let lives =
            |pid| self.state == Liveness::Unknown || self.processes.iter().any(|process| process.own_pid == pid);
        let held = self.reading.held.iter().filter(|&&(pid, _)| lives(pid)).map(|&(_, held)| u64::from(held));
        held.fold(0, u64::saturating_add)
    }
}

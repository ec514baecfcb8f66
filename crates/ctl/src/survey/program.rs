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

    /// Whether `pid` is one of its processes, or, if it has ended, was its first one.
    pub fn has(&self, pid: u32) -> bool {
        let is_first = self.processes.is_empty() && self.reading.creator == pid;
        is_first || self.processes.iter().any(|process| process.pid == pid)
    }

    /// Connections that are in drain now. A process that was killed holds none.
    pub fn held(&self) -> u64 {
        let lives =
            |pid| self.state == Liveness::Unknown || self.processes.iter().any(|process| process.own_pid == pid);
        self.reading.held.iter().filter(|&&(pid, _)| lives(pid)).map(|&(_, held)| u64::from(held)).sum()
    }
}

//! Which processes have softclose loaded, and which counters are theirs: procfs and the stats
//! files together.
//!
//! | file | what is in it |
//! |---|---|
//! | [`process`] | one process |
//! | [`program`] | one stats file, and the processes that count into it |
//! | [`unreadable`] | one stats file that cannot be read |
//!
//! A child by `fork` counts into the stats file of its parent. So a program has one stats file, and
//! one or more processes.

pub mod process;
pub mod program;
pub mod unreadable;

pub use process::{Arbiter, Process};
pub use program::{Liveness, Program};
pub use unreadable::{Unreadable, Why};

use crate::stats_file::{self, FileId, StatsFile};
use anyhow::Result;
use process::{HiddenProcess, Look, Mapping};
use procfs::process::Process as Entry;
use rustix::time::{ClockId, clock_gettime};
use softclose_core::counters::page::{self, Reading};
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

/// All that could be found out.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// The processes that have softclose loaded.
    pub processes: Vec<Process>,
    /// The programs whose stats files can be read.
    pub programs: Vec<Program>,
    /// The stats files that cannot be read, and why.
    pub unreadable: Vec<Unreadable>,
    /// Files that have no valid content and that no process maps.
    remains: Vec<StatsFile>,
    /// The processes that may not be looked at.
    hidden: Vec<HiddenProcess>,
}

type Files = BTreeMap<FileId, Result<StatsFile, Unreadable>>;

/// Looks at every process, and at the stats files in the usual directories and in `directories`.
pub fn survey(directories: &[PathBuf]) -> Result<Survey> {
    let mut survey = Survey::default();
    let mut files = BTreeMap::new();
    let uptime = uptime();
    for entry in procfs::process::all_processes()?.flatten() {
        survey.look_at(&entry, uptime, &mut files);
    }
    let usual = stats_file::usual_directories();
    for directory in usual.iter().chain(directories) {
        for file in stats_file::in_directory(directory) {
            files.entry(file.id).or_insert(Ok(file));
        }
    }
    for (id, file) in files {
        survey.take_in(id, file);
    }
    survey.programs.sort_by_key(Program::pid);
    survey.processes.sort_by_key(|process| process.pid);
    Ok(survey)
}

/// The time since boot, in seconds. The kernel is asked: a /proc that shows processes only
/// (`subset=pid`) has no `uptime`.
fn uptime() -> f64 {
    let now = clock_gettime(ClockId::Boottime);
    now.tv_sec as f64 + now.tv_nsec as f64 / 1e9
}

impl Survey {
    fn look_at(&mut self, entry: &Entry, uptime: f64, files: &mut Files) {
        match process::look(entry) {
            Look::Other => {}
            Look::Hidden => self.hidden.push(HiddenProcess::of(entry)),
            Look::Loaded(mappings) => {
                let ids = mappings.iter().map(|mapping| mapping.id).collect();
                self.processes.extend(Process::of(entry, uptime, ids));
                for mapping in mappings {
                    files.entry(mapping.id).or_insert_with(|| read(entry.pid, &mapping));
                }
            }
        }
    }

    fn take_in(&mut self, id: FileId, file: Result<StatsFile, Unreadable>) {
        let mut processes: Vec<_> =
            self.processes.iter().filter(|one| one.stats_files.contains(&id)).cloned().collect();
        processes.sort_by_key(|process| (std::cmp::Reverse(process.uptime), process.pid));
        let file = match file {
            Ok(file) => file,
            Err(unreadable) => return self.unreadable.push(unreadable),
        };
        match file.content.clone() {
            Ok(reading) => {
                let state = if processes.is_empty() { self.liveness(&file, &reading) } else { Liveness::Live };
                self.programs.push(Program { file, reading, processes, state });
            }
            Err(why) => {
                let path = file.path.clone();
                self.unreadable.push(Unreadable { id, path, why: Why::Content(why) });
                if processes.is_empty() {
                    self.remains.push(file);
                }
            }
        }
    }

    /// Whether a file that no visible process maps is in use. It is not if every process that could
    /// use it is visible: it belongs to the pid namespace of softclosectl or to one below, and no
    /// hidden process may use it.
    fn liveness(&self, file: &StatsFile, reading: &Reading) -> Liveness {
        /// The inode number of the first pid namespace, which sees all others.
        const INITIAL: u64 = 0xEFFF_FFFC;
        let here = std::fs::metadata("/proc/self/ns/pid").map_or(0, |data| data.ino());
        let sees = here == INITIAL || (here != 0 && here == reading.namespace);
        let may_use = |hidden: &HiddenProcess| hidden.may_use(file.user, reading.started);
        if sees && !self.hidden.iter().any(may_use) { Liveness::Dead } else { Liveness::Unknown }
    }

    /// How many processes may not be looked at: they may have softclose loaded.
    pub fn hidden(&self) -> usize {
        self.hidden.len()
    }

    /// The program of a process. If several programs have had a process of this pid, it is the one
    /// that lives.
    pub fn program(&self, pid: u32) -> Option<&Program> {
        self.programs.iter().filter(|program| program.has(pid)).min_by_key(|program| program.processes.is_empty())
    }

    /// Why the counters of a process cannot be read. `None` where it has none, or they can be read.
    pub fn why_unreadable(&self, process: &Process) -> Option<&Why> {
        let is_its = |file: &&Unreadable| process.stats_files.contains(&file.id);
        self.unreadable.iter().find(is_its).map(|file| &file.why)
    }

    /// The files that another version of softclose has written, in a layout of its own.
    pub fn of_other_layouts(&self) -> impl Iterator<Item = &Unreadable> {
        self.unreadable.iter().filter(|file| matches!(file.why, Why::Content(page::Unreadable::Layout(..))))
    }

    /// The files that no process uses.
    pub fn dead(&self) -> impl Iterator<Item = &StatsFile> {
        /// Making a stats file takes far less time.
        const YOUNG: Duration = Duration::from_secs(60);
        let ended = self.programs.iter().filter(|program| program.state == Liveness::Dead).map(|program| &program.file);
        let is_over =
            |file: &&StatsFile| file.age() > YOUNG && !self.hidden.iter().any(|one| one.may_use(file.user, 0));
        ended.chain(self.remains.iter().filter(is_over))
    }

    /// Removes the files that were first found dead an hour ago. Until then an operator can read
    /// what a program did that has crashed.
    pub fn sweep(&self) {
        const KEPT: Duration = Duration::from_secs(3600);
        for file in self.dead() {
            // A file that another user owns, or that is gone, is no error.
            let _ = match (file.is_marked(), file.age() > KEPT) {
                (false, _) => file.mark(),
                (true, true) => file.remove(),
                (true, false) => Ok(()),
            };
        }
    }
}

/// Reads the stats file of a process: by its path, by its path below the root of the process, or, if
/// the file is gone, through the mapping, which only root may do.
fn read(pid: i32, mapping: &Mapping) -> Result<StatsFile, Unreadable> {
    let Mapping { id, path, address } = mapping;
    let below_root = PathBuf::from(format!("/proc/{pid}/root")).join(path.strip_prefix("/").unwrap_or(path));
    let link = PathBuf::from(format!("/proc/{pid}/map_files/{:x}-{:x}", address.0, address.1));
    let attempts = [StatsFile::read(path), StatsFile::read(&below_root), StatsFile::read_through(&link, path)];
    let mut why = "the file is gone".to_owned();
    for attempt in attempts {
        match attempt {
            // A file with another inode is that of another mount namespace.
            Ok(file) if file.id.inode == id.inode => return Ok(StatsFile { id: *id, ..file }),
            Ok(_) => {}
            Err(error) => why = error.to_string(),
        }
    }
    Err(Unreadable { id: *id, path: path.clone(), why: Why::Access(why) })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PID: u32 = 4711;

    fn program(state: Liveness) -> Program {
        let reading = Reading {
            version: String::new(),
            creator: PID,
            started: 0,
            created: 0,
            namespace: 0,
            program: String::new(),
            settings: Vec::new(),
            values: Vec::new(),
            held: Vec::new(),
        };
        let (id, content) = (FileId { device: (0, 1), inode: 7 }, Ok(reading.clone()));
        let file = StatsFile { path: "file".into(), id, user: 0, changed: std::time::SystemTime::UNIX_EPOCH, content };
        let process = Process {
            pid: PID,
            own_pid: PID,
            user: 0,
            program: String::new(),
            uptime: Duration::ZERO,
            stats_files: vec![id],
            arbiter: None,
        };
        let processes = if state == Liveness::Live { vec![process] } else { Vec::new() };
        Program { file, reading, processes, state }
    }

    /// Pids are used again, and what was killed has left its counters.
    #[test]
    fn of_two_processes_with_one_pid_the_living_is_meant() {
        for states in [[Liveness::Dead, Liveness::Live], [Liveness::Live, Liveness::Dead]] {
            let survey = Survey { programs: states.map(program).into(), ..Survey::default() };
            assert_eq!(survey.program(PID).unwrap().state, Liveness::Live);
        }
        let survey = Survey { programs: vec![program(Liveness::Dead)], ..Survey::default() };
        assert_eq!(survey.program(PID).unwrap().state, Liveness::Dead);
    }
}

//! Which processes have softclose loaded, and which counters are theirs: procfs and the stats
//! files together.
//!
//! | file | what is in it |
//! |---|---|
//! | [`process`] | one process |
//! | `environment` | the settings of a process that has no counters |
//! | [`program`] | one stats file, and the processes that count into it |
//! | [`unreadable`] | one stats file that cannot be read |
//!
//! A child by `fork` counts into the stats file of its parent. So a program has one stats file, and
//! one or more processes.

mod environment;
pub mod process;
pub mod program;
pub mod unreadable;

pub use environment::Environment;
pub use process::{Arbiter, Process};
pub use program::{Liveness, Program};
pub use unreadable::{Unreadable, Why};

use crate::patience::{self, patiently};
use crate::proc;
use crate::stats_file::directory::Listing;
use crate::stats_file::{FileId, Removal, StatsFile};
use anyhow::Result;
use process::{Look, Mapping};
use rustix::time::{ClockId, clock_gettime};
use softclose_core::counters::page;
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
    /// What an operator should know about the directories: one line each.
    pub notices: Vec<String>,
    /// How many processes may not be looked at: they may have softclose loaded.
    pub hidden: usize,
    /// The processes that keep whoever looks at their memory waiting.
    pub waiting: Vec<u32>,
    /// Files that have no valid content and that no process maps.
    remains: Vec<StatsFile>,
}

type Files = BTreeMap<FileId, Result<StatsFile, Unreadable>>;

/// Looks at the stats files in the usual directories and in `directories`, and then at every process:
/// a program that is started meanwhile is found by its process, and not taken for one that has ended.
pub fn survey(directories: &[PathBuf]) -> Result<Survey> {
    let mut listing = Listing::default();
    listing.add_usual();
    for directory in directories {
        listing.add_named(directory);
    }
    let mut survey = Survey { notices: listing.notices, ..Survey::default() };
    let mut files: Files = listing.files.into_iter().map(|file| (file.id, Ok(file))).collect();
    let uptime = uptime();
    for pid in proc::pids()? {
        survey.look_at(pid, uptime, &mut files);
    }
    let mut processes = BTreeMap::<_, Vec<Process>>::new();
    for process in &survey.processes {
        for id in &process.stats_files {
            processes.entry(*id).or_default().push(process.clone());
        }
    }
    for (id, file) in files {
        survey.take_in(id, file, processes.remove(&id).unwrap_or_default());
    }
    survey.programs.sort_by_key(|program| (program.pid(), program.reading.created, program.file.id));
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
    fn look_at(&mut self, pid: u32, uptime: f64, files: &mut Files) {
        match patiently(pid, move || process::look(pid)) {
            None => self.waiting.push(pid),
            Some(Look::Other) => {}
            Some(Look::Hidden) => self.hidden += 1,
            Some(Look::Loaded(mappings)) => {
                let ids = mappings.iter().map(|mapping| mapping.id).collect();
                let Some(process) = Process::of(pid, uptime, ids) else { return };
                self.processes.push(process);
                for mapping in mappings {
                    files.entry(mapping.id).or_insert_with(|| read(pid, &mapping));
                }
            }
        }
    }

    /// Takes in a file, and the processes that map it.
    fn take_in(&mut self, id: FileId, file: Result<StatsFile, Unreadable>, mut processes: Vec<Process>) {
        processes.sort_by_key(|process| (std::cmp::Reverse(process.uptime), process.pid));
        let file = match file {
            Ok(file) => file,
            Err(unreadable) => return self.unreadable.push(unreadable),
        };
        match file.content.clone() {
            Ok(reading) => {
                let state = match (processes.is_empty(), file.is_unused) {
                    (false, _) => Liveness::Live,
                    (true, Some(true)) => Liveness::Dead,
                    (true, _) => Liveness::Unknown,
                };
                self.programs.push(Program { file, reading, processes, state });
            }
            Err(why) => {
                let path = file.path.clone();
                let is_mapped = !processes.is_empty();
                self.unreadable.push(Unreadable { id, path, why: Why::Content(why), is_mapped });
                if processes.is_empty() {
                    self.remains.push(file);
                }
            }
        }
    }

    /// The programs that a pid names: that of the process, if there is one. Otherwise those that have
    /// ended and whose first process had this pid, in the pid namespace of softclosectl; whoever made
    /// the file may have written any pid there.
    pub fn programs(&self, pid: u32) -> Vec<&Program> {
        self.programs_where(pid, proc::is_running(pid), own_namespace())
    }

    fn programs_where(&self, pid: u32, is_running: bool, namespace: Option<u64>) -> Vec<&Program> {
        let is_its = |program: &&Program| match is_running {
            true => program.processes.iter().any(|process| process.pid == pid),
            false => program.was_started_as(pid, namespace),
        };
        let mut found: Vec<_> = self.programs.iter().filter(is_its).collect();
        if is_running {
            found.sort_by_key(|program| !program.is_verified());
            found.truncate(1);
        }
        found
    }

    /// Why the counters of a process cannot be read. `None` where it has none, or they can be read.
    pub fn why_unreadable(&self, process: &Process) -> Option<&Why> {
        let is_its = |file: &&Unreadable| process.stats_files.contains(&file.id);
        self.unreadable.iter().find(is_its).map(|file| &file.why)
    }

    /// The files of running programs that another version of softclose has written, in a layout of its
    /// own.
    pub fn of_other_layouts(&self) -> impl Iterator<Item = &Unreadable> {
        let is_other = |file: &&Unreadable| matches!(file.why, Why::Content(page::Unreadable::Layout(..)));
        self.unreadable.iter().filter(|file| file.is_mapped).filter(is_other)
    }

    /// The programs that no process is seen of: ended or not visible.
    pub fn gone(&self) -> impl Iterator<Item = &Program> {
        self.programs.iter().filter(|program| program.state != Liveness::Live)
    }

    /// The files that no process uses, for sure.
    pub fn dead(&self) -> impl Iterator<Item = &StatsFile> {
        /// A file without valid content may be anybody's, who is about to use it.
        const YOUNG: Duration = Duration::from_secs(60);
        let ended = self.programs.iter().filter(|program| program.state == Liveness::Dead).map(|program| &program.file);
        ended.chain(self.remains.iter().filter(|file| file.is_unused == Some(true) && file.age() > YOUNG))
    }

    /// The number of files that no visible process uses, and of which it is not sure that none does.
    pub fn doubtful(&self) -> usize {
        self.gone().count() + self.remains.len() - self.dead().count()
    }

    /// Removes the files that were first found dead an hour ago. Until then an operator can read
    /// what a program did that has crashed.
    pub fn sweep(&self) {
        const KEPT: Duration = Duration::from_secs(3600);
        for file in self.dead() {
            // A file that another user owns, or that is gone, is no error.
            let _ = match (file.is_marked(), file.age() > KEPT) {
                (false, _) => file.mark().map(|()| Removal::Used),
                (true, true) => file.remove(),
                (true, false) => Ok(Removal::Used),
            };
        }
    }
}

/// The inode of the pid namespace of softclosectl.
fn own_namespace() -> Option<u64> {
    std::fs::metadata("/proc/self/ns/pid").map(|data| data.ino()).ok()
}

/// Reads the stats file that a process maps: through the mapping, which only root may do, by its path,
/// or by its path below the root of the process. The process chooses the path, and what is there: the
/// file must be the one that is mapped.
fn read(pid: u32, mapping: &Mapping) -> Result<StatsFile, Unreadable> {
    let its = mapping.clone();
    let read = patiently(pid, move || read_mapped(pid, &its)).unwrap_or_else(|| Err(patience::WAITING.to_owned()));
    read.map_err(|why| Unreadable {
        id: mapping.id,
        path: mapping.path.clone(),
        why: Why::Access(why),
        is_mapped: true,
    })
}

fn read_mapped(pid: u32, mapping: &Mapping) -> Result<StatsFile, String> {
    let Mapping { id, path, address } = mapping;
    let link = PathBuf::from(format!("/proc/{pid}/map_files/{:x}-{:x}", address.0, address.1));
    let below_root = || PathBuf::from(format!("/proc/{pid}/root")).join(path.strip_prefix("/").unwrap_or(path));
    let attempts: [&dyn Fn() -> Result<StatsFile>; 3] =
        [&|| StatsFile::read_through(&link, path), &|| StatsFile::read(path), &|| StatsFile::read(&below_root())];
    let mut why = "the file is gone".to_owned();
    for attempt in attempts {
        match attempt() {
            Ok(file) if file.id == *id => return Ok(file),
            Ok(_) => {}
            Err(error) => why = error.to_string(),
        }
    }
    Err(why)
}

#[cfg(test)]
mod tests {
    use super::*;
    use softclose_core::counters::page::Reading;

    const PID: u32 = 4711;
    const HERE: u64 = 5;

    fn process(user: u32) -> Process {
        Process {
            pid: PID,
            own_pid: PID,
            user,
            program: String::new(),
            uptime: Duration::ZERO,
            stats_files: Vec::new(),
            arbiter: None,
        }
    }

    /// A program whose file belongs to `owner` and names process `PID` of a pid namespace.
    fn program(owner: u32, namespace: u64, processes: Vec<Process>) -> Program {
        let reading = Reading { creator: PID, namespace, ..Reading::default() };
        let file = StatsFile {
            path: "file".into(),
            id: FileId { device: (0, 1), inode: 7 },
            user: owner,
            is_open_to_others: false,
            changed: std::time::SystemTime::UNIX_EPOCH,
            is_unused: Some(processes.is_empty()),
            content: Ok(reading.clone()),
        };
        let state = if processes.is_empty() { Liveness::Dead } else { Liveness::Live };
        Program { file, reading, processes, state }
    }

    fn owners(programs: Vec<Program>, is_running: bool) -> Vec<u32> {
        let survey = Survey { programs, ..Survey::default() };
        survey.programs_where(PID, is_running, Some(HERE)).iter().map(|program| program.file.user).collect()
    }

    /// Pids are used again, and what was killed has left its counters. Any user can leave a file that
    /// names any process.
    #[test]
    fn a_file_that_no_process_maps_says_nothing_about_a_process() {
        let dead = || program(1000, HERE, Vec::new());
        assert_eq!(owners(vec![dead(), program(0, HERE, vec![process(0)]), dead()], true), [0]);
        assert_eq!(owners(vec![dead()], true), [0; 0]);
    }

    /// Process 1 is another one in each container.
    #[test]
    fn a_pid_names_an_ended_program_of_its_own_pid_namespace() {
        assert_eq!(owners(vec![program(0, HERE + 1, Vec::new())], false), [0; 0]);
        let ended = [1000, 0].map(|owner| program(owner, HERE, Vec::new()));
        assert_eq!(owners(ended.into(), false), [1000, 0], "which is right, nobody can tell");
    }

    #[test]
    fn of_two_files_that_a_process_maps_that_of_its_own_user_is_meant() {
        let both = [1000, 33].map(|owner| program(owner, HERE, vec![process(33)]));
        assert_eq!(owners(both.into(), true), [33]);
    }

    #[test]
    fn a_file_of_another_user_than_root_and_the_process_is_not_verified() {
        let is_verified = |owner, processes| program(owner, HERE, processes).is_verified();
        assert!(is_verified(33, vec![process(33)]) && is_verified(0, vec![process(33)]));
        assert!(!is_verified(33, vec![process(0)]) && !is_verified(33, Vec::new()));
        let mut open = program(0, HERE, vec![process(33)]);
        open.file.is_open_to_others = true;
        assert!(!open.is_verified(), "anybody has written it, and it counted as root's");
    }
}

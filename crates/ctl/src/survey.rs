//! Who has softclose loaded, and which counters are whose: procfs and the files,
//! together.
//!
//! Fork children count into the page of their parent. So there are families: a page, and
//! the processes that map it.

use crate::page_file::{self, PageFile, PageId};
use crate::printable::printable;
use crate::refs;
use anyhow::Result;
use procfs::process::{MMapPath, MemoryMap, Process};
use procfs::{Current, ProcError, Uptime};
use softclose_core::counters::page::Reading;
use std::collections::BTreeMap;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A process that has softclose loaded.
#[derive(Clone, Debug)]
pub struct Member {
    /// Its pid here.
    pub pid: u32,
    /// Its pid in its own namespace: what it calls itself.
    pub own_pid: u32,
    /// Its effective user.
    pub user: u32,
    /// Its name (`/proc/PID/comm`).
    pub program: String,
    /// How long it has been there.
    pub uptime: Duration,
    /// The page that it maps, if it has one.
    pub page: Option<PageId>,
    /// What decides its closes that counts do not, as far as we may know.
    pub proof: Option<Proof>,
}

/// What decides closes that counts leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The kernel's own count of references.
    Kernel,
    /// A look at procfs.
    Procfs,
}

impl Proof {
    /// What a process of this user can ask, with its own view of the file system.
    fn of(pid: i32, user: u32) -> Option<Self> {
        let root = PathBuf::from(format!("/proc/{pid}/root"));
        // Without the right to look there nothing would be found.
        std::fs::metadata(root.join(".")).ok()?;
        Some(if refs::is_for(&root, user) { Self::Kernel } else { Self::Procfs })
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Procfs => "procfs",
        }
    }
}

/// Whether anybody uses a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Somebody does.
    Live,
    /// Nobody does.
    Dead,
    /// Nobody of whom we may know.
    Unknown,
}

impl State {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Dead => "ended",
            Self::Unknown => "not visible",
        }
    }
}

/// A page and who uses it.
#[derive(Clone, Debug)]
pub struct Family {
    /// The file.
    pub file: PageFile,
    /// What it says.
    pub reading: Reading,
    /// Processes that map it, the eldest first.
    pub members: Vec<Member>,
    /// Whether anybody uses it.
    pub state: State,
}

impl Family {
    /// The pid to call it by: that of its eldest process, or of the one that it began with.
    pub fn pid(&self) -> u32 {
        self.members.first().map_or(self.reading.creator, |member| member.pid)
    }

    /// Whether a process is, or was, one of it.
    pub fn has(&self, pid: u32) -> bool {
        self.members.iter().any(|member| member.pid == pid) || (self.members.is_empty() && self.reading.creator == pid)
    }

    /// Connections in drain now. Of processes that were killed, nothing is held any more.
    pub fn held(&self) -> u64 {
        let lives = |pid| self.state == State::Unknown || self.members.iter().any(|member| member.own_pid == pid);
        self.reading.held.iter().filter(|&&(pid, _)| lives(pid)).map(|&(_, held)| u64::from(held)).sum()
    }
}

/// All that could be found out.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    /// Processes that have softclose loaded.
    pub members: Vec<Member>,
    /// Pages that can be read.
    pub families: Vec<Family>,
    /// Pages that cannot, and why.
    pub unreadable: Vec<(PathBuf, String)>,
    /// Files that are no page, and that nobody maps.
    remains: Vec<PageFile>,
    /// Processes that we may not look at.
    hidden: Vec<Hidden>,
}

/// A process of which procfs does not tell what it maps.
#[derive(Clone, Copy, Debug)]
struct Hidden {
    /// Its effective user, if that is known.
    user: Option<u32>,
    /// Clock ticks after boot at which it was started.
    started: u64,
}

impl Hidden {
    fn of(process: &Process) -> Self {
        let user = process.status().ok().map(|status| status.euid);
        Self { user, started: process.stat().map_or(u64::MAX, |stat| stat.starttime) }
    }

    /// Whether it may be one of the family of a page of `owner`'s, which began with a
    /// process started at `founded`: nobody older is, and only root's become anybody.
    fn may_use(&self, owner: u32, founded: u64) -> bool {
        self.started >= founded && (owner == 0 || self.user.is_none_or(|user| user == owner))
    }
}

/// Looks at every process, and at the pages in `directories` and the usual ones.
pub fn survey(directories: &[PathBuf]) -> Result<Survey> {
    let mut survey = Survey::default();
    let mut files = BTreeMap::new();
    let uptime = Uptime::current()?.uptime;
    for process in procfs::process::all_processes()?.flatten() {
        survey.look_at(&process, uptime, &mut files);
    }
    let usual = page_file::usual_directories();
    for directory in usual.iter().chain(directories) {
        for file in page_file::in_directory(directory) {
            files.entry(file.id).or_insert(Ok(file));
        }
    }
    for (id, file) in files {
        survey.take_in(id, file);
    }
    survey.families.sort_by_key(Family::pid);
    survey.members.sort_by_key(|member| member.pid);
    Ok(survey)
}

type Files = BTreeMap<PageId, Result<PageFile, (PathBuf, String)>>;

impl Survey {
    fn look_at(&mut self, process: &Process, uptime: f64, files: &mut Files) {
        let maps = match process.maps() {
            Ok(maps) => maps,
            Err(ProcError::PermissionDenied(_)) => {
                self.hidden.push(Hidden::of(process));
                return;
            }
            Err(_) => return,
        };
        let page = maps.iter().find_map(|map| Some((map, mapped_page(map)?)));
        if page.is_none() && !maps.iter().any(is_library) {
            return;
        }
        let id = page.as_ref().map(|(map, _)| id_of(map));
        self.members.extend(member(process, uptime, id));
        if let Some(((map, path), id)) = page.zip(id) {
            files.entry(id).or_insert_with(|| read(process.pid, map, &path, id));
        }
    }

    fn take_in(&mut self, id: PageId, file: Result<PageFile, (PathBuf, String)>) {
        let mut members: Vec<_> = self.members.iter().filter(|member| member.page == Some(id)).cloned().collect();
        members.sort_by_key(|member| (std::cmp::Reverse(member.uptime), member.pid));
        let file = match file {
            Ok(file) => file,
            Err(unreadable) => return self.unreadable.push(unreadable),
        };
        match file.content.clone() {
            Ok(reading) => {
                let state = if members.is_empty() { self.state_without_members(&file, &reading) } else { State::Live };
                self.families.push(Family { file, reading, members, state });
            }
            Err(why) => {
                self.unreadable.push((file.path.clone(), format!("{why}")));
                if members.is_empty() {
                    self.remains.push(file);
                }
            }
        }
    }

    /// A page is dead if nobody maps it, and we would see who does: it belongs to our pid
    /// namespace or to one below, and no process is hidden from us that could.
    fn state_without_members(&self, file: &PageFile, reading: &Reading) -> State {
        const INITIAL: u64 = 0xEFFF_FFFC;
        let here = std::fs::metadata("/proc/self/ns/pid").map_or(0, |data| data.ino());
        let sees = here == INITIAL || (here != 0 && here == reading.namespace);
        let may_use = |hidden: &Hidden| hidden.may_use(file.user, reading.started);
        if sees && !self.hidden.iter().any(may_use) { State::Dead } else { State::Unknown }
    }

    /// How many processes there are of which we cannot say whether they have softclose.
    pub fn hidden(&self) -> usize {
        self.hidden.len()
    }

    /// The family of a process; of several that have had this pid the one that lives.
    pub fn family(&self, pid: u32) -> Option<&Family> {
        self.families.iter().filter(|family| family.has(pid)).min_by_key(|family| family.members.is_empty())
    }

    /// Files that nobody uses.
    pub fn dead(&self) -> impl Iterator<Item = &PageFile> {
        /// Far longer than a page is in the making.
        const YOUNG: Duration = Duration::from_secs(60);
        let families = self.families.iter().filter(|family| family.state == State::Dead).map(|family| &family.file);
        let is_over = |file: &&PageFile| file.age() > YOUNG && !self.hidden.iter().any(|one| one.may_use(file.user, 0));
        families.chain(self.remains.iter().filter(is_over))
    }

    /// Removes what was first seen to be dead an hour ago: so much time there is to read
    /// what a program did that has crashed.
    pub fn sweep(&self) {
        const KEPT: Duration = Duration::from_secs(3600);
        for file in self.dead() {
            // Not ours to touch, or gone: nothing to tell.
            let _ = match (file.is_marked(), file.age() > KEPT) {
                (false, _) => file.mark(),
                (true, true) => file.remove(),
                (true, false) => Ok(()),
            };
        }
    }
}

fn member(process: &Process, uptime: f64, page: Option<PageId>) -> Option<Member> {
    let (stat, status) = (process.stat().ok()?, process.status().ok()?);
    let started = stat.starttime as f64 / procfs::ticks_per_second() as f64;
    let own = status.nspid.as_ref().and_then(|pids| pids.last().copied()).unwrap_or(process.pid);
    Some(Member {
        pid: u32::try_from(process.pid).ok()?,
        own_pid: u32::try_from(own).ok()?,
        user: status.euid,
        program: printable(&stat.comm),
        uptime: Duration::from_secs_f64((uptime - started).max(0.0)),
        page,
        proof: Proof::of(process.pid, status.euid),
    })
}

fn id_of(map: &MemoryMap) -> PageId {
    PageId { device: (map.dev.0 as u32, map.dev.1 as u32), inode: map.inode }
}

/// The path of a page, without what procfs adds where the file is gone.
fn mapped_page(map: &MemoryMap) -> Option<PathBuf> {
    let MMapPath::Path(path) = &map.pathname else { return None };
    let text = path.to_str()?;
    let path = PathBuf::from(text.strip_suffix(" (deleted)").unwrap_or(text));
    page_file::is_page(&path).then_some(path)
}

fn is_library(map: &MemoryMap) -> bool {
    let MMapPath::Path(path) = &map.pathname else { return false };
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("libsoftclose.so"))
}

/// By its path, by its path as the process has it, or, where the file is gone, through the
/// mapping: that is root's alone.
fn read(pid: i32, map: &MemoryMap, path: &Path, id: PageId) -> Result<PageFile, (PathBuf, String)> {
    let below_root = PathBuf::from(format!("/proc/{pid}/root")).join(path.strip_prefix("/").unwrap_or(path));
    let link = PathBuf::from(format!("/proc/{pid}/map_files/{:x}-{:x}", map.address.0, map.address.1));
    let attempts = [PageFile::read(path), PageFile::read(&below_root), PageFile::read_through(&link, path)];
    let mut why = "gone".to_owned();
    for attempt in attempts {
        match attempt {
            // What has another number is another file: of another mount namespace.
            Ok(file) if file.id.inode == id.inode => return Ok(PageFile { id, ..file }),
            Ok(_) => {}
            Err(error) => why = error.to_string(),
        }
    }
    Err((path.to_owned(), why))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PID: u32 = 4711;

    fn family(state: State) -> Family {
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
        let (id, content) = (PageId { device: (0, 1), inode: 7 }, Ok(reading.clone()));
        let file = PageFile { path: "page".into(), id, user: 0, changed: std::time::SystemTime::UNIX_EPOCH, content };
        let member = Member {
            pid: PID,
            own_pid: PID,
            user: 0,
            program: String::new(),
            uptime: Duration::ZERO,
            page: Some(id),
            proof: None,
        };
        let members = if state == State::Live { vec![member] } else { Vec::new() };
        Family { file, reading, members, state }
    }

    /// Pids are used again, and what was killed has left its counters.
    #[test]
    fn of_two_processes_with_one_pid_the_living_is_meant() {
        for states in [[State::Dead, State::Live], [State::Live, State::Dead]] {
            let survey = Survey { families: states.map(family).into(), ..Survey::default() };
            assert_eq!(survey.family(PID).unwrap().state, State::Live);
        }
        let survey = Survey { families: vec![family(State::Dead)], ..Survey::default() };
        assert_eq!(survey.family(PID).unwrap().state, State::Dead);
    }
}

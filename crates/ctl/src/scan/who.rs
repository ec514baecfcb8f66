//! Which program a thread belongs to, as procfs shows it soon after an event.

use super::manager::Manager;
use crate::printable::printable;
use crate::proc;
use std::collections::HashMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// A program in a process. Several processes of one program are equal but for their pid.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Who {
    /// The pid.
    pub pid: u32,
    /// The name, for people.
    pub program: String,
    /// The file that it executes. `None` where the process is ending: procfs does not tell it then.
    pub file: Option<PathBuf>,
    /// Who starts it.
    pub manager: Manager,
}

/// The thread that starts all other threads of the kernel (`rest_init`).
const KTHREADD: u32 = 2;

impl Who {
    /// The program of a process or a thread. `None` where it is gone, or a thread of the kernel.
    pub fn of(thread: u32) -> Option<Self> {
        let status = proc::status(thread)?;
        let pid = status.process;
        let file = fs::read_link(format!("/proc/{pid}/exe")).ok();
        if file.is_none() && (pid == KTHREADD || status.parent == KTHREADD) {
            return None;
        }
        let cgroup = fs::read(format!("/proc/{pid}/cgroup")).unwrap_or_default();
        let program = match &file {
            Some(file) => name_of(file),
            // The name that it has given itself.
            None => printable(&String::from_utf8_lossy(&proc::stat(pid)?.name)),
        };
        Some(Self { pid, program, file, manager: Manager::of(&String::from_utf8_lossy(&cgroup)) })
    }
}

/// The name of the file that a process executes, also of one that was replaced.
fn name_of(file: &std::path::Path) -> String {
    let name = file.file_name().map_or_else(|| file.as_os_str().as_bytes(), OsStrExt::as_bytes);
    printable(&String::from_utf8_lossy(proc::without_mark(name)))
}

/// What was found out of threads lately. A thread that closes a thousand connections a second is looked up once.
#[derive(Debug, Default)]
pub struct ThreadCache {
    threads: HashMap<u32, (Instant, Option<Rc<Who>>)>,
}

impl ThreadCache {
    /// The program of a thread.
    pub fn who(&mut self, thread: u32) -> Option<Rc<Who>> {
        /// A number is used again after more than that.
        const FRESH: Duration = Duration::from_millis(500);
        const MOST: usize = 4096;
        let now = Instant::now();
        if let Some((at, who)) = self.threads.get(&thread)
            && now.duration_since(*at) < FRESH
        {
            return who.clone();
        }
        if self.threads.len() >= MOST {
            self.threads.clear();
        }
        let who = Who::of(thread).map(Rc::new);
        self.threads.insert(thread, (now, who.clone()));
        who
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_is_found_by_any_of_its_threads() {
        let thread =
            std::thread::spawn(|| Who::of(rustix::thread::gettid().as_raw_pid() as u32)).join().unwrap().unwrap();
        assert_eq!(thread.pid, std::process::id());
        assert_eq!(thread.file, fs::read_link("/proc/self/exe").ok());
        assert!(thread.program.starts_with("softclose_ctl"), "{thread:?}");
        assert_eq!(Who::of(u32::MAX), None);
        assert_eq!(Who::of(KTHREADD), None);
    }

    #[test]
    fn a_file_that_was_replaced_keeps_its_name() {
        assert_eq!(name_of("/usr/sbin/nginx (deleted)".as_ref()), "nginx");
        assert_eq!(name_of("/srv/a\nb".as_ref()), "a?b");
    }
}

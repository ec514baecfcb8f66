//! Processes of a run, which are children of ours or of each other: their end,
//! and their status.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

/// The processes of a run that were seen alive.
#[derive(Default)]
pub struct Processes {
    alive: BTreeMap<i32, OwnedFd>,
}

impl Processes {
    /// Makes orphans children of this process, so that none is left behind.
    pub fn adopt_orphans() {
        // SAFETY: no memory is passed.
        let answer = unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1) };
        assert_eq!(answer, 0, "PR_SET_CHILD_SUBREAPER: {}", std::io::Error::last_os_error());
    }

    /// Takes note of a process that is alive.
    pub fn note(&mut self, pid: i32) {
        self.alive.entry(pid).or_insert_with(|| {
            // SAFETY: no memory is passed; the result is checked and owned at once.
            unsafe {
                let fd = libc::syscall(libc::SYS_pidfd_open, pid, 0);
                assert!(fd >= 0, "pidfd_open: {}", std::io::Error::last_os_error());
                OwnedFd::from_raw_fd(fd as i32)
            }
        });
    }

    /// Whether it ended within `patience`: every thread is gone, and every
    /// descriptor closed.
    pub fn ended_within(&self, pid: i32, patience: Duration) -> bool {
        let Some(pidfd) = self.alive.get(&pid) else { return true };
        let mut poll = libc::pollfd { fd: pidfd.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one valid pollfd.
        unsafe { libc::poll(&mut poll, 1, patience.as_millis() as i32) == 1 }
    }

    /// The status of a process that has ended, in words, if nobody has asked for it yet.
    pub fn forget(&mut self, pid: i32) -> String {
        self.alive.remove(&pid);
        // The last field of proc_pid_stat(5).
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        stat.split_whitespace().last().map_or("reaped".to_owned(), |status| format!("status {status}"))
    }

    /// Kills every process that is left.
    pub fn kill(&mut self) {
        for pidfd in std::mem::take(&mut self.alive).into_values() {
            let none = std::ptr::null::<libc::siginfo_t>();
            // SAFETY: a pidfd names the process that it was opened for, or none.
            unsafe { libc::syscall(libc::SYS_pidfd_send_signal, pidfd.as_raw_fd(), libc::SIGKILL, none, 0) };
        }
    }
}

/// Whether a thread is gone; the first one of a process stays until all are.
pub fn is_thread_gone(pid: i32, tid: i32) -> bool {
    let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/task/{tid}/stat")) else { return true };
    let state = stat.rsplit(") ").next().and_then(|rest| rest.chars().next());
    matches!(state, Some('Z' | 'X'))
}

/// Waits until no child is left. Answers whether that was so in time; what is
/// still there is ended, if it is in process group `group`.
pub fn reap_all(group: i32, patience: Duration) -> bool {
    let until = Instant::now() + patience;
    let mut in_time = true;
    loop {
        // SAFETY: no status is asked for.
        match unsafe { libc::waitpid(-1, std::ptr::null_mut(), libc::WNOHANG) } {
            0 if in_time && Instant::now() > until => {
                in_time = false;
                // SAFETY: while a child of the group is left, the id is not another's.
                unsafe { libc::kill(-group, libc::SIGKILL) };
            }
            0 => std::thread::sleep(Duration::from_micros(200)),
            pid if pid > 0 => {}
            _ => return in_time,
        }
    }
}

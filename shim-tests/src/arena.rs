//! A network namespace of the test's own.
//!
//! Three reasons: the abort counters count nobody else; the send buffer can be
//! made large enough for a whole response, so that a blocking victim reaches its
//! `close` while the peer still uploads; and no packet leaves the namespace.
//!
//! The namespace is held by a small process, `src/bin/arena.rs`; victims and
//! peers join it between fork and exec. The harness stays outside.

use crate::built::helper;
use crate::counters::KernelCounters;
use crate::proc::Socket;
use crate::program::{Exit, Program, pidfd_open};
use crate::shim::{FINISHER, ctl};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;

/// The file that says how large the send buffers of a network namespace are.
const SEND_BUFFERS: &str = "/proc/sys/net/ipv4/tcp_wmem";

/// A file of `/proc/PID/ns`, and the flag of `setns` that enters such a namespace.
type Namespace = (File, libc::c_int);

/// A namespace with `lo` up and large send buffers, until it is dropped.
pub struct Arena {
    holder: Program,
    /// Namespaces to enter, in this order.
    namespaces: Arc<Vec<Namespace>>,
}

impl Arena {
    /// A new arena, or `None` after having said why `test` is skipped. With
    /// `SOFTCLOSE_TEST_REFS=1` as by [`Arena::counted_or_skip`], so that any test can be run
    /// that way.
    pub fn or_skip(test: &str) -> Option<Self> {
        if std::env::var_os("SOFTCLOSE_TEST_REFS").is_some() {
            return Self::counted_or_skip(test);
        }
        Self::open().map_err(|reason| crate::skip(test, &reason)).ok()
    }

    /// A new arena in which root has installed the kernel's own count of references, in a
    /// mount namespace of its own; or `None` after having said why `test` is skipped.
    pub fn counted_or_skip(test: &str) -> Option<Self> {
        Self::counted().map_err(|reason| crate::skip(test, &reason)).ok()
    }

    /// The same, or why there can be none.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn counted() -> Result<Self, String> {
        let mut command = Command::new(helper("arena"));
        command.arg(ctl());
        Self::held_by(Program::start(command), &[])
    }

    /// A new arena, or why there can be none.
    ///
    /// # Errors
    /// What the kernel refuses.
    pub fn open() -> Result<Self, String> {
        Self::held_by(Program::start(Command::new(helper("arena"))), &[])
    }

    /// A second arena in the same user namespace, so that a link between both can be made.
    ///
    /// # Errors
    /// As [`Arena::open`].
    pub fn beside(&self) -> Result<Self, String> {
        Self::held_by(self.start(Command::new(helper("arena"))), &self.namespaces)
    }

    /// The arena of a process that has been started. `ahead` are the namespaces that this process
    /// was started in.
    fn held_by(mut holder: Program, ahead: &[Namespace]) -> Result<Self, String> {
        let word = holder.expect("arena ");
        match word.as_str() {
            "ready" => Self::behind(holder, ahead, &[("net", libc::CLONE_NEWNET)]),
            "ready counted" => Self::behind(holder, ahead, &[("net", libc::CLONE_NEWNET), ("mnt", libc::CLONE_NEWNS)]),
            // The user namespace owns the network namespace: enter it first.
            "ready unprivileged" => {
                Self::behind(holder, ahead, &[("user", libc::CLONE_NEWUSER), ("net", libc::CLONE_NEWNET)])
            }
            refusal => Err(format!("no namespace: {refusal}")),
        }
    }

    fn behind(holder: Program, ahead: &[Namespace], own: &[(&str, libc::c_int)]) -> Result<Self, String> {
        let again =
            |(door, flag): &Namespace| door.try_clone().map(|door| (door, *flag)).map_err(|error| error.to_string());
        let open = |(name, flag): &(&str, libc::c_int)| {
            let path = format!("/proc/{}/ns/{name}", holder.pid());
            File::open(&path).map(|file| (file, *flag)).map_err(|error| format!("{path}: {error}"))
        };
        let namespaces = ahead.iter().map(again).chain(own.iter().map(open)).collect::<Result<_, _>>()?;
        Ok(Self { holder, namespaces: Arc::new(namespaces) })
    }

    /// The pid of the process that holds the arena. Its `/proc` entries are those of the namespace.
    pub fn holder(&self) -> u32 {
        self.holder.pid()
    }

    /// Starts `command` inside.
    pub fn start(&self, mut command: Command) -> Program {
        let namespaces = Arc::clone(&self.namespaces);
        // SAFETY: between fork and exec only setns(2) is called, which is a plain
        // system call; the Arc was cloned before the fork.
        unsafe { command.pre_exec(move || namespaces.iter().try_for_each(enter)) };
        Program::start(command)
    }

    /// Gives sockets in here the send buffers of this machine. Those of an arena are so large that
    /// a client's whole upload fits, and that client would hardly ever meet a reset.
    pub fn use_usual_buffers(&self) {
        let usual = std::fs::read_to_string(SEND_BUFFERS).expect("every Linux has tcp_wmem");
        let mut command = Command::new("sh");
        command.args(["-c", &format!("echo '{}' > {SEND_BUFFERS}", usual.trim())]);
        assert_eq!(self.start(command).exit(), Exit::Code(0), "{SEND_BUFFERS} cannot be set");
    }

    /// Kills every process in here, except the one that holds the namespace.
    pub fn end_all(&self) {
        self.processes().into_iter().for_each(|pid| self.end(pid));
    }

    /// Kills one process in here.
    pub fn end(&self, pid: u32) {
        // Asked after the process is held: its pid may be another's by now.
        if let Ok(process) = pidfd_open(pid)
            && namespace(pid) == namespace(self.holder.pid())
        {
            kill(&process);
        }
    }

    /// What the kernel has counted in here so far.
    pub fn counters(&self) -> KernelCounters {
        KernelCounters::of(self.holder.pid())
    }

    /// Every process in here, except the one that holds the namespace. All of them come from the
    /// test.
    pub fn processes(&self) -> Vec<u32> {
        let here = namespace(self.holder.pid());
        let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(|&pid| pid != self.holder.pid() && namespace(pid) == here).collect()
    }

    /// The processes called `softclose-drain` in here: they finish what another process has left
    /// open.
    pub fn finishers(&self) -> Vec<u32> {
        // One that has ended, and that nobody has reaped, has no table.
        let lives =
            |pid| std::fs::read_dir(format!("/proc/{pid}/fd")).is_ok_and(|mut numbers| numbers.next().is_some());
        let name = |pid| std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        self.processes().into_iter().filter(|&pid| name(pid).trim() == FINISHER && lives(pid)).collect()
    }

    /// Every TCP socket in here.
    pub fn sockets(&self) -> Vec<Socket> {
        Socket::all(self.holder.pid())
    }

    /// Whether IPv6 loopback works in here.
    pub fn has_ipv6(&self) -> bool {
        std::fs::read_to_string(format!("/proc/{}/net/if_inet6", self.holder.pid()))
            .is_ok_and(|text| text.contains("lo"))
    }
}

fn kill(process: &OwnedFd) {
    let nothing: *const libc::siginfo_t = std::ptr::null();
    // SAFETY: a null siginfo is allowed.
    unsafe { libc::syscall(libc::SYS_pidfd_send_signal, process.as_raw_fd(), libc::SIGKILL, nothing, 0) };
}

/// The network namespace of a process, as the kernel names it.
fn namespace(pid: u32) -> Option<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/ns/net")).ok()
}

fn enter((door, flag): &Namespace) -> io::Result<()> {
    // SAFETY: no memory is passed.
    match unsafe { libc::setns(door.as_raw_fd(), *flag) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

//! `softclosectl scan` under test. It sees the whole host: a test looks for its own victim in the result, by file and
//! port.

use crate::built::target_dir;
use crate::proc::{becomes_true, wait_until};
use crate::program::{Exit, Program};
use crate::scratch::Scratch;
use crate::shim::ctl;
use serde_json::Value;
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

/// Where the kernel's tracing is.
const TRACING: &str = "/sys/kernel/tracing";

/// The trace instances of the host.
pub fn instances() -> PathBuf {
    Path::new(TRACING).join("instances")
}

/// Why no scan can run here; `None` where one can.
pub fn obstacle() -> Option<String> {
    // SAFETY: geteuid cannot fail.
    let is_root = unsafe { libc::geteuid() } == 0;
    let is_there = fs::metadata(Path::new(TRACING).join("events/tcp/tcp_send_reset")).is_ok();
    match (is_root, is_there) {
        (false, _) => Some("scan takes root".to_owned()),
        (true, false) => Some(format!("there is no tracefs at {TRACING}")),
        (true, true) if !answers() => Some("the kernel's tracing does not answer: see dmesg".to_owned()),
        (true, true) => None,
    }
}

/// Whether the kernel's tracing answers. After a fault in it, whoever reads there waits for ever, and cannot be killed: so
/// another process reads, and is left behind.
fn answers() -> bool {
    const PATIENCE: Duration = Duration::from_secs(5);
    static ANSWERS: OnceLock<bool> = OnceLock::new();
    *ANSWERS.get_or_init(|| {
        let mut reader = Command::new("cat");
        reader.arg(Path::new(TRACING).join("current_tracer")).stdin(Stdio::null());
        let mut reader = reader.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("cat");
        becomes_true(PATIENCE, || reader.try_wait().is_ok_and(|status| status.is_some()))
    })
}

/// A scan that runs.
pub struct Scan {
    program: Program,
    directory: Scratch,
    /// Held as long as the scan runs.
    _turn: File,
}

/// Waits until this scan may run, beside others (`LOCK_SH`) or alone (`LOCK_EX`): each sees the events of all tests.
fn turn(operation: libc::c_int) -> File {
    let path = target_dir().join("scan.lock");
    let file = File::options().create(true).append(true).open(path).expect("the target directory is writable");
    // SAFETY: no memory is passed.
    assert_eq!(unsafe { libc::flock(file.as_raw_fd(), operation) }, 0, "flock: {}", std::io::Error::last_os_error());
    file
}

impl Scan {
    /// Starts a scan and waits until it sees events. `None` after having said why `test` is skipped.
    pub fn or_skip(test: &str) -> Option<Self> {
        match obstacle() {
            Some(reason) => {
                crate::skip(test, &reason);
                None
            }
            None => Some(Self::start()),
        }
    }

    /// Starts a scan beside those of other tests.
    pub fn start() -> Self {
        Self::in_turn(libc::LOCK_SH)
    }

    /// Starts a scan when no other test scans.
    pub fn alone() -> Self {
        Self::in_turn(libc::LOCK_EX)
    }

    fn in_turn(operation: libc::c_int) -> Self {
        let turn = turn(operation);
        let directory = Scratch::directory();
        let mut command = Command::new(ctl());
        command.args(["scan", "--for", "60s", "--baseline"]).arg(directory.path().join("report"));
        command.env_remove("LD_PRELOAD");
        let mut scan = Self { program: Program::start(command), directory, _turn: turn };
        scan.wait_until_it_sees();
        scan
    }

    fn wait_until_it_sees(&mut self) {
        let switch = self.instance().join("events/sock/inet_sock_set_state/enable");
        wait_until("the scan sees events", || {
            fs::read_to_string(&switch).is_ok_and(|text| text.starts_with('1'))
                || self.program.ended_within(Duration::ZERO)
        });
        if self.program.ended_within(Duration::ZERO) {
            self.program.fail("the scan has ended");
        }
    }

    /// The process.
    pub fn program(&mut self) -> &mut Program {
        &mut self.program
    }

    /// Its trace instance.
    pub fn instance(&self) -> PathBuf {
        instances().join(format!("softclose-{}", self.program.pid()))
    }

    /// Ends the scan by a signal. It must end well and have removed its instance.
    #[track_caller]
    pub fn end_by(self, signal: i32) -> Report {
        let instance = self.instance();
        self.program.signal(signal);
        let finished = self.program.finish();
        assert_eq!(finished.exit, Exit::Code(0), "{finished:?}");
        assert!(!instance.exists(), "{} was left", instance.display());
        let path = self.directory.path().join("report");
        let json = fs::read_to_string(path).expect("the scan writes a report");
        Report { text: finished.stdout.join("\n"), json: serde_json::from_str(&json).expect("JSON") }
    }

    /// Ends the scan as Ctrl-C does.
    #[track_caller]
    pub fn end(self) -> Report {
        self.end_by(libc::SIGINT)
    }
}

/// What a scan has found.
#[derive(Debug)]
pub struct Report {
    /// What it has printed.
    pub text: String,
    /// What it has written.
    pub json: Value,
}

impl Report {
    /// Everything about the server on this port whose program is this file.
    pub fn services(&self, program: &str, port: u16) -> Vec<&Value> {
        let all = self.json["services"].as_array().expect("services");
        let is_it = |one: &&Value| one["program"] == program && one["port"] == port && one["side"] == "server";
        all.iter().filter(is_it).collect()
    }

    /// What that server has cut off, in each way: `unread`, `late`, `asked`, `memory`, `closed`. It is one service.
    #[track_caller]
    pub fn cut_off(&self, program: &str, port: u16) -> [u64; 5] {
        let count = |one: &Value, kind: &str| one["cut_off"][kind].as_u64().expect("a number");
        match self.services(program, port)[..] {
            [] => [0; 5],
            [one] => ["unread", "late", "asked", "memory", "closed"].map(|kind| count(one, kind)),
            _ => panic!("several services: {self:#?}"),
        }
    }

    /// The same as a kernel tells it that has cut off so many: `unread`, `late`, `asked`. Before Linux 6.12 it does not
    /// tell why it resets a connection at a close.
    pub fn expected(&self, [unread, late, asked]: [u64; 3]) -> [u64; 5] {
        let tells_why = self.json["tells_why"].as_bool().expect("it is said");
        if tells_why { [unread, late, asked, 0, 0] } else { [0, late, 0, 0, unread + asked] }
    }

    /// Whether it says that softclose is loaded into process `pid`.
    pub fn has_loaded(&self, pid: u32) -> bool {
        self.json["loaded"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|one| one["pids"].as_array().is_some_and(|all| all.iter().any(|one| *one == pid)))
    }
}

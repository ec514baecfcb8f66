//! A container for a program, as Docker's default makes it. The clients are outside.
//!
//! crun makes it: a pid, a mount, an IPC and a UTS namespace, Docker's default
//! capabilities and its seccomp profile (`profile.rs`). The network namespace is that of
//! the run, in which the clients are. The files are this machine's own, so there is no
//! image to fetch. Pid 1 is a shell, and the program is its child.

mod profile;

use super::install::seccomp_profile;
use serde_json::{Value, json};
use shim_tests::installed::find;
use shim_tests::scratch::{Scratch, unique};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The shell line of pid 1. It starts the program as its child, and ends with the status of the
/// program, as the entry point of an image does.
const PID_1: &str = "\"$@\" & wait $!";

/// The shell line that starts crun. crun uses no cgroups here, but refuses to start where it finds
/// both versions of them, so it is shown only version 2.
const CRUN: &str = "mount -t cgroup2 none /sys/fs/cgroup && exec \"$0\" \"$@\"";

/// The new namespaces of a container. The network namespace is that of the run. Docker leaves
/// cgroups and users alone by default.
const NAMESPACES: [&str; 4] = ["pid", "mount", "ipc", "uts"];

/// The entries of the root directory that a container does not simply get from this machine.
const OWN: [&str; 4] = ["proc", "dev", "sys", "lost+found"];

/// The entries of `/proc` that Docker hides, and those that it makes read-only.
const MASKED: [&str; 8] =
    ["acpi", "asound", "interrupts", "kcore", "keys", "latency_stats", "sched_debug", "timer_list"];
const READ_ONLY: [&str; 5] = ["bus", "fs", "irq", "sys", "sysrq-trigger"];

/// Where crun finds the descriptions of the containers of one run.
pub struct Container {
    scratch: Scratch,
    crun: PathBuf,
    seccomp: Value,
}

impl Container {
    /// Looks for everything that a container needs.
    ///
    /// # Errors
    /// What is not here.
    pub fn new() -> Result<Self, String> {
        let crun = find("crun").ok_or("no crun")?;
        let seccomp = profile::read(&seccomp_profile()?)?;
        Ok(Self { scratch: Scratch::directory(), crun, seccomp })
    }

    /// The command that runs `command` in a new container.
    ///
    /// # Errors
    /// What could not be written down.
    pub fn around(&self, command: &Command) -> Result<Command, String> {
        let bundle = self.scratch.path().join(unique());
        let describe = || -> std::io::Result<()> {
            fs::create_dir_all(bundle.join("root"))?;
            let mounts = self.mounts(&bundle.join("root"))?;
            fs::write(bundle.join("config.json"), self.config(command, mounts).to_string())
        };
        describe().map_err(|error| format!("{}: {error}", bundle.display()))?;
        let mut crun = Command::new("unshare");
        crun.args(["-m", "sh", "-c", CRUN]).arg(&self.crun).args(["--cgroup-manager=disabled", "--root"]);
        crun.arg(self.scratch.path().join("state")).args(["run", "--bundle"]).arg(&bundle);
        crun.arg(unique()).env_remove("LD_PRELOAD");
        Ok(crun)
    }

    fn config(&self, command: &Command, mounts: Vec<Value>) -> Value {
        let capabilities = profile::CAPABILITIES;
        json!({
            "ociVersion": "1.0.2",
            "process": {
                "args": line(command),
                "cwd": command.get_current_dir(),
                "env": environment(command),
                "user": { "uid": 0, "gid": 0 },
                "capabilities": { "bounding": capabilities, "effective": capabilities, "permitted": capabilities },
            },
            "root": { "path": "root" },
            "mounts": mounts,
            "linux": {
                "namespaces": (NAMESPACES.map(|kind| json!({ "type": kind }))),
                "seccomp": self.seccomp,
                "maskedPaths": (MASKED.map(|name| format!("/proc/{name}"))),
                "readonlyPaths": (READ_ONLY.map(|name| format!("/proc/{name}"))),
            },
        })
    }

    /// The mounts of a container: the root directory of this machine, entry by entry, and file
    /// systems of its own for `/proc` and `/dev`.
    fn mounts(&self, root: &Path) -> std::io::Result<Vec<Value>> {
        let mount = |kind: &str, place: &str, options: &[&str]| json!({ "destination": place, "type": kind, "source": kind, "options": options });
        let mut mounts = vec![
            mount("proc", "/proc", &["nosuid", "noexec", "nodev"]),
            mount("tmpfs", "/dev", &["nosuid", "strictatime", "mode=755", "size=65536k"]),
            mount("devpts", "/dev/pts", &["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
            mount("tmpfs", "/dev/shm", &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"]),
            mount("mqueue", "/dev/mqueue", &["nosuid", "noexec", "nodev"]),
            json!({ "destination": "/sys", "type": "none", "source": "/sys", "options": ["rbind", "ro"] }),
        ];
        for entry in fs::read_dir("/")?.flatten().filter(|entry| !OWN.iter().any(|own| entry.file_name() == *own)) {
            let path = entry.path();
            if entry.file_type()?.is_symlink() {
                symlink(fs::read_link(&path)?, root.join(entry.file_name()))?;
            } else if entry.file_type()?.is_dir() {
                mounts.push(json!({ "destination": path, "type": "none", "source": path, "options": ["rbind"] }));
            }
        }
        Ok(mounts)
    }
}

fn text(value: &OsStr) -> String {
    value.to_string_lossy().into_owned()
}

/// The command line of pid 1, which starts `command`.
fn line(command: &Command) -> Vec<String> {
    let shell = ["sh", "-c", PID_1, "sh"].map(str::to_owned);
    shell.into_iter().chain([command.get_program()].into_iter().chain(command.get_args()).map(text)).collect()
}

/// The environment with which the command would start: that of this process, with the command's
/// changes.
fn environment(command: &Command) -> Vec<String> {
    let changed = |name: &OsStr| command.get_envs().any(|(changed, _)| changed == name);
    let inherited = std::env::vars_os().filter(|(name, _)| !changed(name));
    let set = command.get_envs().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    inherited.chain(set).map(|(name, value)| format!("{}={}", text(&name), text(&value))).collect()
}

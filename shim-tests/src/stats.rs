//! `softclosectl` under test, and directories in memory for the files that it reads.

use crate::scratch::unique;
use crate::shim::ctl;
use crate::victim::Victim;
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A directory on a tmpfs, until it is dropped.
pub struct Memory(PathBuf);

impl Memory {
    /// A new, empty directory that only we can write to.
    pub fn directory() -> Self {
        let path = Path::new("/dev/shm").join(format!("softclose-test-{}", unique()));
        fs::create_dir(&path).expect("/dev/shm is writable");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our directory");
        Self(path)
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// `victim`, with its counters in this directory.
    pub fn shows(&self, victim: Victim) -> Victim {
        victim.env("SOFTCLOSE_STATS_DIR", self.0.to_str().expect("a plain path"))
    }

    /// Names of the files.
    pub fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).expect("our directory").flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// The command `softclosectl` that also looks into this directory.
    pub fn ctl(&self, words: &[&str]) -> Command {
        let mut command = Command::new(ctl());
        command.args(words).arg("--dir").arg(&self.0).env_remove("LD_PRELOAD");
        command
    }

    /// What `softclosectl` prints. It must succeed.
    #[track_caller]
    pub fn says(&self, words: &[&str]) -> String {
        let output = self.ctl(words).output().expect("softclosectl runs");
        assert!(output.status.success(), "{words:?}: {}", text(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    /// `softclosectl stat PID --json`: the one program that has this process.
    #[track_caller]
    pub fn stat(&self, pid: u32) -> Stat {
        let all: Value = serde_json::from_str(&self.says(&["stat", &pid.to_string(), "--json"])).expect("JSON");
        Stat(all[0].clone())
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a command has written to both of its outputs.
pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The counters of a program.
#[derive(Clone, Debug, PartialEq)]
pub struct Stat(pub Value);

impl Stat {
    /// The value of a counter, such as `drains_begun_total`, or `left_alone_total.shared` for one
    /// value of its label.
    #[track_caller]
    pub fn number(&self, name: &str) -> u64 {
        let (metric, word) = name.split_once('.').unwrap_or((name, ""));
        let value = &self.0["metrics"][format!("softclose_{metric}")];
        let value = if word.is_empty() { value } else { &value[word] };
        value.as_u64().unwrap_or_else(|| panic!("no {name} in {:#}", self.0))
    }

    /// Pids of the processes that count here.
    pub fn processes(&self) -> Vec<u64> {
        self.0["processes"].as_array().into_iter().flatten().filter_map(Value::as_u64).collect()
    }

    /// The state of the program: `live`, `ended`, or `not visible`.
    pub fn state(&self) -> &str {
        self.0["state"].as_str().unwrap_or_default()
    }
}

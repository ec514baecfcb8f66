//! Whether softclose would help a service, and what to do next, by a process of it that runs.

use super::command_line::{self, CommandLine};
use super::manager::Manager;
use crate::survey::process::{Look, look};
use procfs::process::Process;
use softclose_core::counters::page::printable;
use softclose_launcher::check::{self, Severity};
use softclose_launcher::library;
use std::fs;

/// What can be done for a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// It has softclose already: process `pid` does.
    Loaded {
        /// The process.
        pid: u32,
    },
    /// softclose would be loaded.
    Possible {
        /// What the user should know.
        notes: Vec<String>,
        /// How it was started.
        command: CommandLine,
        /// What `LD_PRELOAD` says in its environment.
        preloaded: String,
    },
    /// softclose would not be loaded, or would do nothing, for these reasons.
    Impossible(Vec<String>),
    /// No process of it could be looked at.
    Unknown,
}

impl Remedy {
    /// Finds it out by a process.
    pub fn of(pid: u32) -> Self {
        if Process::new(pid as i32).is_ok_and(|entry| matches!(look(&entry), Look::Loaded(_))) {
            return Self::Loaded { pid };
        }
        let Ok(findings) = check::running(pid) else { return Self::Unknown };
        let texts = |severity: Severity| {
            let such = findings.iter().filter(move |finding| finding.severity == severity);
            such.map(|finding| printable(finding.text())).collect::<Vec<_>>()
        };
        // The process may have ended meanwhile: then what was found is about nothing.
        if fs::read_link(format!("/proc/{pid}/exe")).is_err() {
            return Self::Unknown;
        }
        match texts(Severity::Warning) {
            reasons if !reasons.is_empty() => Self::Impossible(reasons),
            _ => Self::Possible {
                notes: texts(Severity::Note),
                command: CommandLine::of(pid),
                preloaded: preloaded(pid),
            },
        }
    }

    /// One word for it, in JSON.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Loaded { .. } => "loaded",
            Self::Possible { .. } => "possible",
            Self::Impossible(_) => "impossible",
            Self::Unknown => "unknown",
        }
    }

    /// Why, or what one should know.
    pub fn notes(&self) -> &[String] {
        match self {
            Self::Possible { notes, .. } | Self::Impossible(notes) => notes,
            Self::Loaded { .. } | Self::Unknown => &[],
        }
    }

    /// The next step: lines to type or to write, for a service that `manager` starts.
    pub fn steps(&self, manager: &Manager) -> Vec<String> {
        match self {
            Self::Loaded { pid } => vec![format!("softclosectl explain {pid}")],
            Self::Possible { command, preloaded, .. } => steps(manager, command, preloaded),
            Self::Impossible(_) | Self::Unknown => Vec::new(),
        }
    }
}

fn steps(manager: &Manager, command: &CommandLine, preloaded: &str) -> Vec<String> {
    let systemctl = |word: &str, name: &str, user: &str| {
        let name = command_line::quoted(name.as_bytes());
        vec![
            format!("systemctl {user}edit {name}       # and write:"),
            "    [Service]".to_owned(),
            format!("    Environment=LD_PRELOAD={}", preload(preloaded)),
            format!("systemctl {user}{word} {name}"),
        ]
    };
    match manager {
        Manager::Unit(name) => systemctl("restart", name, ""),
        Manager::UserUnit(name) => systemctl("restart", name, "--user "),
        Manager::Container(..) => vec![
            "# In its Containerfile (Kubernetes: examples/kubernetes.yaml):".to_owned(),
            concat!("COPY --from=registry.example/softclose:", env!("CARGO_PKG_VERSION"), " /usr/ /usr/").to_owned(),
            "ENTRYPOINT [\"softclose\", \"--\"]     # ahead of what it has there".to_owned(),
        ],
        Manager::Nobody => vec![format!("softclose -- {command}")],
    }
}

/// The value for `LD_PRELOAD` in a unit: softclose first, and what is there already.
fn preload(present: &str) -> String {
    // ld.so(8) replaces $LIB; systemd does not.
    let ours = library::find()
        .map_or_else(|_| "/usr/$LIB/libsoftclose.so".to_owned(), |path| printable(&path.to_string_lossy()));
    // In a unit a percent sign is written twice.
    let list = if present.is_empty() { ours } else { format!("{ours}:{present}") };
    list.replace('%', "%%")
}

fn preloaded(pid: u32) -> String {
    let all = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    let value = all.split(|&byte| byte == 0).find_map(|word| word.strip_prefix(b"LD_PRELOAD="));
    printable(&String::from_utf8_lossy(value.unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn possible(preloaded: &str) -> Remedy {
        let command = CommandLine::from_words(vec![b"/srv/my server".to_vec(), b"--port=1".to_vec()]);
        Remedy::Possible { notes: Vec::new(), command, preloaded: preloaded.to_owned() }
    }

    #[test]
    fn a_unit_gets_a_drop_in() {
        let steps = possible("/a.so").steps(&Manager::Unit("a\\x2db.service".into()));
        assert_eq!(steps[0], "systemctl edit 'a\\x2db.service'       # and write:");
        assert_eq!(steps[1], "    [Service]");
        assert!(steps[2].starts_with("    Environment=LD_PRELOAD=/") && steps[2].ends_with("libsoftclose.so:/a.so"));
        assert_eq!(steps[3], "systemctl restart 'a\\x2db.service'");
        assert_eq!(possible("").steps(&Manager::UserUnit("w.service".into()))[3], "systemctl --user restart w.service");
    }

    #[test]
    fn a_program_of_nobody_gets_its_own_command_line() {
        assert_eq!(possible("").steps(&Manager::Nobody), ["softclose -- '/srv/my server' --port=1"]);
        assert_eq!(Remedy::Loaded { pid: 7 }.steps(&Manager::Nobody), ["softclosectl explain 7"]);
    }

    #[test]
    fn this_process_could_have_softclose() {
        assert_eq!(Remedy::of(std::process::id()).word(), "possible");
        assert_eq!(Remedy::of(u32::MAX / 2), Remedy::Unknown);
    }
}

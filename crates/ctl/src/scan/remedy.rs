//! Whether softclose would help a service, and what to do next, by a process of it that runs.

use super::command_line::{self, CommandLine};
use super::manager::Manager;
use super::who::Who;
use crate::survey::process::{Look, look};
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
        /// Whether its environment has `LD_PRELOAD` already.
        has_preload: bool,
    },
    /// softclose would not be loaded, or would do nothing, for these reasons.
    Impossible(Vec<String>),
    /// No process of it could be looked at.
    Unknown,
}

impl Remedy {
    /// Finds it out by a process, if that still executes its file: the pid may be another's by now.
    pub fn of(who: &Who) -> Self {
        if who.program == "systemd" {
            return Self::Impossible(KEEPS.map(str::to_owned).to_vec());
        }
        let found = Self::of_process(who.pid);
        let is_it = who.file.is_some() && fs::read_link(format!("/proc/{}/exe", who.pid)).ok() == who.file;
        if is_it { found } else { Self::Unknown }
    }

    fn of_process(pid: u32) -> Self {
        if matches!(look(pid), Look::Loaded(_)) {
            return Self::Loaded { pid };
        }
        let Ok(findings) = check::running(pid) else { return Self::Unknown };
        let texts = |severity: Severity| {
            let such = findings.iter().filter(move |finding| finding.severity == severity);
            such.map(|finding| printable(finding.text())).collect::<Vec<_>>()
        };
        match texts(Severity::Warning) {
            reasons if !reasons.is_empty() => Self::Impossible(reasons),
            _ => Self::Possible {
                notes: texts(Severity::Note),
                command: CommandLine::of(pid),
                has_preload: has_preload(pid),
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
            Self::Possible { command, has_preload, .. } => steps(manager, command, *has_preload),
            Self::Impossible(_) | Self::Unknown => Vec::new(),
        }
    }
}

/// systemd itself is not started with softclose.
const KEEPS: [&str; 2] = [
    "systemd listens there for a unit: systemctl list-sockets.",
    "With Accept=yes it keeps each connection until the service has ended, and closes it.",
];

fn steps(manager: &Manager, command: &CommandLine, has_preload: bool) -> Vec<String> {
    let behind = |first: String, lines: Vec<String>| [vec![first], lines].concat();
    match manager {
        Manager::Unit(name) => drop_in(name, "", has_preload),
        Manager::UserUnit(name) => behind(command.of_user(), drop_in(name, "--user ", has_preload)),
        Manager::Inner(name, container) => behind(
            format!("# inside of {container}, with its own path of the library:"),
            drop_in(name, "", has_preload),
        ),
        Manager::Container(..) => vec![
            "# In its Containerfile (Kubernetes: examples/kubernetes.yaml):".to_owned(),
            concat!("COPY --from=registry.example/softclose:", env!("CARGO_PKG_VERSION"), " /usr/ /usr/").to_owned(),
            "ENTRYPOINT [\"softclose\", \"--\"]     # ahead of what it has there".to_owned(),
        ],
        Manager::Nobody => vec![command.place(), format!("softclose -- {command}")],
    }
}

fn drop_in(name: &str, user: &str, has_preload: bool) -> Vec<String> {
    let quoted = command_line::quoted(name.as_bytes());
    let lines = [
        format!("systemctl {user}edit {quoted}       # and write:"),
        "    [Service]".to_owned(),
        format!("    Environment=LD_PRELOAD={}", library()),
    ];
    // What is there is not repeated: the process may have written anything there.
    let more = "    # LD_PRELOAD is set there already: write both in one value, softclose first.".to_owned();
    let last = match name.ends_with("@.service") {
        true => "# Each new connection is a new process: there is nothing to restart.".to_owned(),
        false => format!("systemctl {user}restart {quoted}"),
    };
    lines.into_iter().chain(has_preload.then_some(more)).chain([last]).collect()
}

/// The path of the library, as it is written in a unit.
fn library() -> String {
    // ld.so(8) replaces $LIB; systemd does not.
    let usual = |_| "/usr/$LIB/libsoftclose.so".to_owned();
    let path = library::find().map_or_else(usual, |path| printable(&path.to_string_lossy()));
    // In a unit a percent sign is written twice.
    path.replace('%', "%%")
}

fn has_preload(pid: u32) -> bool {
    let all = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    all.split(|&byte| byte == 0).any(|word| word.starts_with(b"LD_PRELOAD="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn possible(has_preload: bool) -> Remedy {
        let command = CommandLine::from_words(vec![b"/srv/my server".to_vec(), b"--port=1".to_vec()]);
        Remedy::Possible { notes: Vec::new(), command, has_preload }
    }

    #[test]
    fn a_unit_gets_a_drop_in() {
        let steps = possible(false).steps(&Manager::Unit("a\\x2db.service".into()));
        assert_eq!(steps[0], "systemctl edit 'a\\x2db.service'       # and write:");
        assert_eq!(steps[1], "    [Service]");
        assert!(steps[2].starts_with("    Environment=LD_PRELOAD=/") && steps[2].ends_with("libsoftclose.so"));
        assert_eq!(steps[3], "systemctl restart 'a\\x2db.service'");
        let steps = possible(true).steps(&Manager::UserUnit("w.service".into()));
        assert_eq!(steps[0], "# as user 0:");
        assert!(steps[4].contains("LD_PRELOAD is set there already"));
        assert_eq!(steps[5], "systemctl --user restart w.service");
        let steps = possible(false).steps(&Manager::Unit("inet@.service".into()));
        assert!(!steps.iter().any(|step| step.contains("systemctl restart")), "there is no such instance: {steps:?}");
        let steps = possible(false).steps(&Manager::Inner("w.service".into(), "lxc.payload.web".into()));
        assert!(steps[0].starts_with("# inside of lxc.payload.web"), "{steps:?}");
    }

    #[test]
    fn a_program_of_nobody_gets_its_own_command_line() {
        let steps = possible(false).steps(&Manager::Nobody);
        assert_eq!(steps, ["# as user 0, in /:", "softclose -- '/srv/my server' --port=1"]);
        assert_eq!(Remedy::Loaded { pid: 7 }.steps(&Manager::Nobody), ["softclosectl explain 7"]);
    }

    /// It listens for units, and keeps the connections of a socket with `Accept=yes`.
    #[test]
    fn nobody_is_told_to_start_systemd_with_softclose() {
        let who = Who { program: "systemd".into(), ..Who::of(std::process::id()).unwrap() };
        assert_eq!(Remedy::of(&who).word(), "impossible");
        assert_eq!(Remedy::of(&who).steps(&Manager::Nobody), [""; 0]);
    }

    #[test]
    fn this_process_could_have_softclose() {
        let this = Who::of(std::process::id()).unwrap();
        assert_eq!(Remedy::of(&this).word(), "possible");
        assert_eq!(Remedy::of(&Who { pid: 1 << 30, ..this.clone() }), Remedy::Unknown);
        assert_eq!(Remedy::of(&Who { file: Some("/another".into()), ..this }), Remedy::Unknown);
    }
}

//! Whether softclose would help a service, and what to do next, by a process of it that runs.

use super::command_line::{self, CommandLine};
use super::manager::Manager;
use super::place::Place;
use super::who::Who;
use crate::patience::patiently;
use crate::survey::process::{Look, look};
use crate::{printable, proc};
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
        /// Where it was started.
        place: Place,
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
        let pid = who.pid;
        let found = patiently(pid, move || Self::of_process(pid)).unwrap_or(Self::Unknown);
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
            such.map(|finding| finding.text().to_owned()).collect::<Vec<_>>()
        };
        match texts(Severity::Warning) {
            reasons if !reasons.is_empty() => Self::Impossible(reasons),
            _ => Self::Possible {
                notes: texts(Severity::Note),
                command: CommandLine::of(pid),
                place: Place::of(pid),
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
            Self::Possible { command, place, has_preload, .. } => steps(manager, command, place, *has_preload),
            Self::Impossible(_) | Self::Unknown => Vec::new(),
        }
    }
}

/// systemd itself is not started with softclose.
const KEEPS: [&str; 2] = [
    "systemd listens there for a unit: systemctl list-sockets.",
    "With Accept=yes it keeps each connection until the service has ended, and closes it.",
];

fn steps(manager: &Manager, command: &CommandLine, place: &Place, has_preload: bool) -> Vec<String> {
    match manager {
        Manager::Unit(name) => systemctl("systemctl", name, place, has_preload),
        Manager::UserUnit(name) => {
            let steps = systemctl("systemctl --user", name, place, has_preload);
            [format!("# as user {}:", place.user)].into_iter().chain(steps).collect()
        }
        Manager::Container(..) => vec![
            "# In its Containerfile (Kubernetes: examples/kubernetes.yaml). What its".to_owned(),
            "# ENTRYPOINT has already follows the \"--\", and its CMD is written once more:".to_owned(),
            concat!("COPY --from=registry.example/softclose:", env!("CARGO_PKG_VERSION"), " /usr/ /usr/").to_owned(),
            "ENTRYPOINT [\"softclose\", \"--\"]".to_owned(),
        ],
        Manager::Nobody => place.lines().into_iter().chain([format!("softclose -- {command}")]).collect(),
    }
}

/// A drop-in for a unit.
fn systemctl(systemctl: &str, name: &str, place: &Place, has_preload: bool) -> Vec<String> {
    // A template is a unit for each connection: the next one has it.
    let restart = !name.ends_with("@.service");
    let name = command_line::quoted(name.as_bytes());
    // What is there is not repeated: the process may have written anything there.
    let more = "    # LD_PRELOAD is set there already: write both in one value, softclose first.";
    let other = "    # It has a root of its own: the library must be there, too.";
    let lines = [
        Some(format!("{systemctl} edit {name}       # and write:")),
        Some("    [Service]".to_owned()),
        place.has_other_root.then(|| other.to_owned()),
        Some(format!("    Environment=LD_PRELOAD={}", library())),
        has_preload.then(|| more.to_owned()),
        restart.then(|| format!("{systemctl} restart {name}")),
    ];
    lines.into_iter().flatten().collect()
}

/// The path of the library, as it is written in a unit.
fn library() -> String {
    // ld.so(8) replaces $LIB; systemd does not.
    let usual = |_| "/usr/$LIB/libsoftclose.so".to_owned();
    let path = library::find().map_or_else(usual, |path| printable::path(&path));
    // In a unit a percent sign is written twice.
    path.replace('%', "%%")
}

fn has_preload(pid: u32) -> bool {
    let all = proc::environment(pid).unwrap_or_default();
    all.split(|&byte| byte == 0).any(|word| word.starts_with(b"LD_PRELOAD="))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn possible(has_preload: bool) -> Remedy {
        let command = CommandLine::from_words(vec![b"/srv/my server".to_vec(), b"--port=1".to_vec()]);
        let place = Place::of(std::process::id());
        Remedy::Possible { notes: Vec::new(), command, place, has_preload }
    }

    #[test]
    fn a_unit_gets_a_drop_in() {
        let steps = possible(false).steps(&Manager::Unit("a\\x2db.service".into()));
        assert_eq!(steps[0], "systemctl edit 'a\\x2db.service'       # and write:");
        assert_eq!(steps[1], "    [Service]");
        assert!(steps[2].starts_with("    Environment=LD_PRELOAD=/") && steps[2].ends_with("libsoftclose.so"));
        assert_eq!(steps[3], "systemctl restart 'a\\x2db.service'");
        let steps = possible(true).steps(&Manager::UserUnit("w.service".into()));
        assert!(steps[0].starts_with("# as user "), "root's own systemd has no such unit: {steps:?}");
        assert!(steps[4].contains("LD_PRELOAD is set there already"));
        assert_eq!(steps[5], "systemctl --user restart w.service");
    }

    #[test]
    fn a_unit_for_each_connection_is_not_restarted() {
        let steps = possible(false).steps(&Manager::Unit("ssh@.service".into()));
        assert_eq!(steps[0], "systemctl edit ssh@.service       # and write:");
        assert!(!steps.iter().any(|step| step.contains("restart")), "{steps:?}");
    }

    /// A comment behind an instruction is part of it: the container did not start.
    #[test]
    fn a_line_of_a_containerfile_has_no_comment_behind_it() {
        let steps = possible(false).steps(&Manager::Container("docker", "0123456789ab".into()));
        let (comments, lines): (Vec<_>, Vec<_>) = steps.iter().partition(|step| step.starts_with('#'));
        assert!(!comments.is_empty() && lines.len() == 2 && lines.iter().all(|line| !line.contains('#')), "{steps:?}");
        assert!(steps.iter().all(|step| step.len() <= 76), "{steps:?}");
    }

    #[test]
    fn a_program_of_nobody_gets_its_own_command_line() {
        let steps = possible(false).steps(&Manager::Nobody);
        assert!(steps[0].starts_with("# as user "));
        assert_eq!(steps[1..], ["softclose -- '/srv/my server' --port=1"]);
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

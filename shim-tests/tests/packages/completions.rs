//! Completions, as the shells themselves see them.

use crate::tree::{release, succeed};
use shim_tests::installed::is_missing;
use shim_tests::scratch::Scratch;
use shim_tests::{here, skip};
use std::path::Path;
use std::process::Command;

/// Lines, each with a word that has to be among what is offered behind it.
const LAUNCHER: &[(&str, &str)] = &[
    ("softclose --ro", "--role"),
    ("softclose --role acc", "accepted"),
    ("softclose --idle 1s --strat", "--strategy"),
    ("softclose --stats-dir /us", "/usr"),
    ("softclose mkfif", "mkfifo"),
    ("softclose -- mkfif", "mkfifo"),
    ("softclose --role both -- mkfif", "mkfifo"),
];

/// What belongs to the command is not an option of ours.
const COMMAND_S_OWN: &str = "softclose mkfifo --strat";

fn offers(offered: impl Fn(&str) -> String) {
    for (line, word) in LAUNCHER {
        let offered = offered(line);
        assert!(
            offered.split_ascii_whitespace().any(|offer| offer.trim_end_matches('/') == *word),
            "{line}: {offered}"
        );
    }
    assert!(!offered(COMMAND_S_OWN).contains("--strategy"));
}

#[test]
fn fish_completes_options_and_commands() {
    if is_missing(here!(), "fish") {
        return;
    }
    let (release, home) = (release(), Scratch::directory());
    offers(|line| {
        let script = "source $argv[1]; complete -C $argv[2]";
        let file = release.path().join("share/fish/vendor_completions.d/softclose.fish");
        succeed(
            on_path(&release, Command::new("fish").args(["--no-config", "-c", script]).arg(file).arg(line))
                .env("HOME", home.path()),
        )
    });
}

/// A softclosectl that shows two processes, for the completions of pids.
fn with_processes(release: &Scratch) -> String {
    let rows = "#!/bin/sh\nprintf 'PID    UID  PROGRAM\\n4711   0    nginx\\n4712   0    nginx\\n'\n";
    let directory = release.file("softclosectl-of-two", "755", rows.as_bytes());
    let own = release.path().join("processes");
    std::fs::create_dir(&own).expect("our directory");
    std::fs::rename(directory, own.join("softclosectl")).expect("our directory");
    format!("{}:{}", own.display(), std::env::var("PATH").unwrap_or_default())
}

/// What is offered for a pid was `-`, which begins no pid.
#[track_caller]
fn offers_pids(offered: impl Fn(&str) -> String) {
    for line in ["softclosectl stat ", "softclosectl explain ", "softclosectl stat --json 47"] {
        let offered = offered(line);
        assert_eq!(offered.split_ascii_whitespace().collect::<Vec<_>>(), ["4711", "4712"], "{line}");
    }
    assert!(offered("softclosectl stat --j").contains("--json"));
    let offered = offered("softclosectl ");
    assert!(offered.contains("explain") && !offered.contains("--dir"), "{offered}");
}

#[test]
fn fish_completes_pids() {
    if is_missing(here!(), "fish") {
        return;
    }
    let (release, home) = (release(), Scratch::directory());
    let path = with_processes(&release);
    offers_pids(|line| {
        let script = "source $argv[1]; complete -C $argv[2]";
        let file = release.path().join("share/fish/vendor_completions.d/softclosectl.fish");
        let mut command = Command::new("fish");
        command.args(["--no-config", "-c", script]).arg(file).arg(line);
        succeed(command.env("PATH", &path).env("HOME", home.path()))
    });
}

#[test]
fn bash_completes_pids() {
    let release = release();
    let path = with_processes(&release);
    let script = r#"
        source "$1"
        read -ra COMP_WORDS <<<"$2"; [[ $2 != *' ' ]] || COMP_WORDS+=('')
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _softclosectl_or_pids softclosectl "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let file = release.path().join("share/bash-completion/completions/softclosectl");
    offers_pids(|line| {
        let mut command = Command::new("bash");
        succeed(command.args(["--norc", "-c", script, "bash"]).arg(&file).arg(line).env("PATH", &path))
    });
}

#[test]
fn bash_completes_options_and_commands() {
    const FRAME: &str = "/usr/share/bash-completion/bash_completion";
    if !Path::new(FRAME).exists() {
        return skip(here!(), "no bash-completion");
    }
    let release = release();
    // As readline does it, but for `compopt`, which works in readline only.
    let script = r#"
        source "$1"; source "$2"
        compopt() { :; }
        COMP_LINE=$3 COMP_POINT=${#3}
        read -ra COMP_WORDS <<<"$3"
        COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _softclose softclose "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
        printf '%s\n' "${COMPREPLY[@]}""#;
    let file = release.path().join("share/bash-completion/completions/softclose");
    let offered = |line: &str| {
        let mut command = Command::new("bash");
        succeed(on_path(&release, command.args(["--norc", "-c", script, "bash", FRAME]).arg(&file).arg(line)))
    };
    offers(offered);
}

#[test]
fn zsh_can_read_them() {
    if is_missing(here!(), "zsh") {
        return;
    }
    let release = release();
    for file in ["_softclose", "_softclosectl"] {
        succeed(Command::new("zsh").args(["-f", "-n"]).arg(release.path().join("share/zsh/site-functions").join(file)));
    }
}

/// Shells complete only commands that there are.
fn on_path<'a>(release: &Scratch, command: &'a mut Command) -> &'a mut Command {
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", release.path().display()))
}

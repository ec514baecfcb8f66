//! What the launcher says about itself: help, settings, environment.

mod common;

use common::{Installation, option, outcome, values};
use softclose_core::settings::knobs::{KNOBS, Kind, Knob};
use std::fs::OpenOptions;
use std::io;
use std::process::{Command, Stdio};

/// The words of the line of `--show-config` about one knob.
fn shown<'a>(stdout: &'a str, knob: &Knob) -> (&'a str, &'a str) {
    let is_its = |line: &&str| line.split_whitespace().next() == Some(knob.env);
    let line = stdout.lines().find(is_its).unwrap_or_else(|| panic!("{} is not in {stdout}", knob.env));
    line.split_once(knob.env).unwrap().1.trim().split_once("  ").map(|(value, origin)| (value, origin.trim())).unwrap()
}

#[test]
fn the_help_has_every_option_and_every_variable() {
    let help = Installation::bare().run(["--help"]);
    assert_eq!((help.status, help.stderr.as_str()), (Some(0), ""));
    let words = help.stdout.split_ascii_whitespace().collect::<Vec<_>>().join(" ");
    for knob in KNOBS {
        for part in [&format!("--{}", knob.flag), knob.env, knob.help, knob.default] {
            assert!(words.contains(part), "{part} is not in the help");
        }
    }
    for own in ["--check", "--copy", "--strict", "--show-config", "--print-env", "--version", "125", "126", "127"] {
        assert!(help.stdout.contains(own), "{own} is not in the help");
    }
    assert!(help.stdout.lines().all(|line| line.len() <= 80));
}

#[test]
fn the_version_is_one_line() {
    let expected = format!("softclose {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(Installation::bare().run(["--version"]).stdout, expected);
    assert_eq!(Installation::bare().run(["-V"]).stdout, expected);
}

#[test]
fn settings_say_where_they_come_from() {
    let installation = Installation::bare();
    for knob in KNOBS {
        let [value, other] = values(knob);
        let default = if knob.default.is_empty() { "(unset)" } else { knob.default };
        let words = ["--show-config".to_owned(), option(knob, value)];
        let unset = installation.run(["--show-config"]);
        assert_eq!(shown(&unset.stdout, knob), (default, "default"));
        let inherited = outcome(installation.softclose().arg("--show-config").env(knob.env, other));
        assert_eq!(shown(&inherited.stdout, knob), (other, "environment"));
        let given = outcome(installation.softclose().args(&words).env(knob.env, other));
        assert_eq!(shown(&given.stdout, knob), (value, "command line"));
        let rescued = outcome(installation.softclose().args(&words).env(knob.env, "!bad"));
        assert_eq!((rescued.status, rescued.stderr.as_str()), (Some(0), ""));
    }
}

/// It was ignored in silence.
#[test]
fn a_mistyped_variable_is_named() {
    let installation = Installation::new();
    for words in [&["--show-config"][..], &["--", "true"]] {
        let outcome = outcome(installation.softclose().args(words).env("SOFTCLOSE_IDEL", "7s"));
        assert_eq!(outcome.status, Some(0), "{outcome:?}");
        assert!(outcome.stderr.contains("\"SOFTCLOSE_IDEL\" is no setting: it is ignored"), "{outcome:?}");
    }
}

#[test]
fn a_bad_variable_is_shown_as_the_default_with_a_warning() {
    let installation = Installation::bare();
    for knob in KNOBS {
        let outcome = outcome(installation.softclose().arg("--show-config").env(knob.env, "!bad"));
        assert_eq!(outcome.status, Some(0));
        assert_eq!(shown(&outcome.stdout, knob).1, "default");
        // Of rules each one is named for itself.
        let allowed = if knob.kind == Kind::Rules { "CONDITION[,CONDITION...]=STRATEGY" } else { knob.allowed };
        for part in [knob.env, "!bad", allowed] {
            assert!(outcome.stderr.contains(part), "{part} is not in {outcome:?}");
        }
    }
}

#[test]
fn the_printed_environment_is_what_the_command_gets() {
    let installation = Installation::new();
    let options: Vec<_> = KNOBS.iter().map(|knob| option(knob, values(knob)[0])).collect();
    let printed = installation.run(options.iter().map(String::as_str).chain(["--print-env"])).stdout;
    let script = format!("set -a\n{printed}exec env");
    let evaluated = outcome(common::clean("/bin/sh".as_ref()).args(["-c", &script]));
    let run = installation.run(options.iter().map(String::as_str).chain(["env"]));
    let ours = |stdout: &str| {
        let is_ours = |line: &&str| line.starts_with("SOFTCLOSE_") || line.starts_with("LD_PRELOAD=");
        let mut lines: Vec<_> = stdout.lines().filter(is_ours).map(str::to_owned).collect();
        lines.sort_unstable();
        lines
    };
    assert_eq!(ours(&run.stdout).len(), KNOBS.len() + 1);
    assert_eq!(ours(&evaluated.stdout), ours(&run.stdout));
}

#[test]
fn plain_values_work_unquoted_and_inherited_ones_are_printed_too() {
    let installation = Installation::new();
    let mut printer = installation.softclose();
    let printed =
        outcome(printer.args(["--print-env", "--idle=3s", "--", "ignored"]).env("SOFTCLOSE_ROLE", "accepted"));
    let lines: Vec<_> = printed.stdout.lines().collect();
    assert_eq!(lines[1..], ["SOFTCLOSE_IDLE=3s", "SOFTCLOSE_ROLE=accepted"]);
    let through_env = outcome(Command::new("sh").args(["-c", "env $(cat) printenv SOFTCLOSE_IDLE"]).stdin({
        let (reader, mut writer) = io::pipe().unwrap();
        io::Write::write_all(&mut writer, printed.stdout.as_bytes()).unwrap();
        reader
    }));
    assert_eq!(through_env.stdout, "3s\n", "{through_env:?}");
}

#[test]
fn a_reader_that_left_is_no_error() {
    let installation = Installation::new();
    for line in [&["--help"][..], &["--version"], &["--show-config"], &["--print-env"], &["--check", "sh"]] {
        let (reader, writer) = io::pipe().unwrap();
        drop(reader);
        let child = installation.softclose().args(line).stdout(writer).stderr(Stdio::piped()).spawn().unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]), "{line:?}");
    }
}

#[test]
fn a_full_disk_is_our_own_error() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let child = Installation::bare().softclose().arg("--help").stdout(full).stderr(Stdio::piped()).output().unwrap();
    assert_eq!(child.status.code(), Some(125));
    assert!(String::from_utf8(child.stderr).unwrap().contains("cannot write to stdout"));
}

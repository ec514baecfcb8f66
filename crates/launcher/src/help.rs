//! `--help` and `--version`, written from the table of knobs.

use crate::options::takes_value;
use softclose_core::settings::knobs::{KNOBS, Kind, Knob};
use std::fmt::Write;

/// How the launcher is called.
pub const USAGE: &str = "\
usage: softclose [OPTIONS] [--] COMMAND [ARG...]
       softclose --check [--strict] COMMAND
       softclose --show-config | --print-env | --help | --version";

const INTRODUCTION: &str = "
Runs COMMAND with libsoftclose.so preloaded, so that the TCP sockets which it
closes end with a FIN and not with a reset. Options end at COMMAND.
";

const OWN_OPTIONS: &str = "
Instead of running COMMAND:
  --check        say whether the shim will be loaded into COMMAND; 1 if not
  --show-config  print every setting, its value and where it comes from
  --print-env    print the environment that COMMAND would get, quoted for sh(1)
  -h, --help     print this
  -V, --version  print the version

Before running COMMAND:
  --strict       do what --check does, and stop with 125 at a warning
";

const EXIT_STATUS: &str = "
Exit status: that of COMMAND, or
  125  an error of softclose itself
  126  COMMAND was found, but cannot be executed
  127  COMMAND was not found
";

/// The whole help.
pub fn text() -> String {
    let mut text = format!("{USAGE}\n{INTRODUCTION}{OWN_OPTIONS}\nSettings, each with its environment variable:\n");
    for knob in KNOBS {
        push_knob(&mut text, knob);
    }
    text + EXIT_STATUS
}

/// Name and version, one line.
pub fn version() -> String {
    format!("softclose {}\n", env!("CARGO_PKG_VERSION"))
}

fn push_knob(text: &mut String, knob: &Knob) {
    let Knob { env, flag, help, default, .. } = knob;
    let argument = if takes_value(knob) { format!("={}", argument(knob.kind)) } else { String::new() };
    let default = if default.is_empty() { "unset" } else { default };
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  --{flag}{argument}\n      {env}, default {default}\n      {help}");
}

fn argument(kind: Kind) -> String {
    match kind {
        Kind::Flag => String::new(),
        Kind::Duration => "DURATION".to_owned(),
        Kind::Size => "SIZE".to_owned(),
        Kind::Count => "NUMBER|auto".to_owned(),
        Kind::Choice(words) => words.join("|"),
        Kind::Path => "PATH".to_owned(),
        Kind::Rules => "RULE;...".to_owned(),
    }
}

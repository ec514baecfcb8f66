//! `--help` and `--version`, written from the table of knobs.

use crate::failure::{NOT_EXECUTABLE, NOT_FOUND, OWN};
pub use crate::options::takes_value;
use crate::wrap::wrapped;
use softclose_core::settings::knobs::{KNOBS, Kind, Knob};

/// The command lines that the launcher understands.
pub const USAGE: &str = "\
usage: softclose [OPTIONS] [--] COMMAND [ARG...]
       softclose --check [--strict] COMMAND
       softclose --copy DIRECTORY
       softclose --show-config | --print-env | --help | --version";

/// What the launcher does.
pub const INTRODUCTION: &str = "
Runs COMMAND with libsoftclose.so in LD_PRELOAD. When COMMAND closes a TCP
socket, softclose ends the connection with a FIN where the kernel might send a
reset, which can destroy data on its way to the peer. Options of softclose come
before COMMAND.
";

/// An option that is no setting.
#[derive(Clone, Copy, Debug)]
pub struct OwnOption {
    /// Its letter, without the dash.
    pub short: Option<char>,
    /// Its name, without the dashes.
    pub long: &'static str,
    /// What it does, in one sentence.
    pub help: &'static str,
}

/// Options that say what to do instead of running COMMAND.
pub const INSTEAD: &[OwnOption] = &[
    OwnOption {
        short: None,
        long: "check",
        help: "say whether the shim will be loaded into COMMAND; status 0: yes, 1: no, 126 or 127: no such program",
    },
    OwnOption {
        short: None,
        long: "copy",
        help: "copy the shim, softclose-drain and softclose to a directory, for a container that lacks them",
    },
    OwnOption { short: None, long: "show-config", help: "print every setting, its value and where it comes from" },
    OwnOption {
        short: None,
        long: "print-env",
        help: "print the environment variables that COMMAND would get, quoted for sh(1)",
    },
    OwnOption { short: Some('h'), long: "help", help: "print this help" },
    OwnOption { short: Some('V'), long: "version", help: "print the version" },
];

/// Options that say what to do before COMMAND runs.
pub const BEFORE: &[OwnOption] = &[OwnOption {
    short: None,
    long: "strict",
    help: "check COMMAND as --check does; end with status 125 at a warning",
}];

/// Exit statuses that are not COMMAND's.
pub const STATUSES: &[(u8, &str)] = &[
    (OWN, "softclose itself has failed"),
    (NOT_EXECUTABLE, "COMMAND was found and cannot be executed"),
    (NOT_FOUND, "COMMAND was not found"),
];

/// The whole help.
pub fn text() -> String {
    let mut text = format!("{USAGE}\n{INTRODUCTION}\nInstead of running COMMAND:\n");
    text.extend(INSTEAD.iter().map(own_option));
    text += "\nBefore running COMMAND:\n";
    text.extend(BEFORE.iter().map(own_option));
    text += "\nSettings. Each option sets the environment variable below it:\n";
    for knob in KNOBS {
        push_knob(&mut text, knob);
    }
    text += "\nThe exit status is that of COMMAND, or\n";
    text.extend(STATUSES.iter().map(|(status, meaning)| format!("  {status}  {meaning}\n")));
    text
}

fn own_option(option: &OwnOption) -> String {
    let OwnOption { short, long, help } = option;
    let names = short.iter().map(|letter| format!("-{letter}, ")).collect::<String>() + "--" + long;
    wrapped(&format!("  {names:13}  "), help)
}

/// The name and the version, in one line.
pub fn version() -> String {
    format!("softclose {}\n", env!("CARGO_PKG_VERSION"))
}

fn push_knob(text: &mut String, knob: &Knob) {
    let Knob { env, flag, help, default, .. } = knob;
    let argument = if takes_value(knob) { format!("={}", argument(knob.kind)) } else { String::new() };
    let default = if default.is_empty() { "unset" } else { default };
    *text += &format!("  --{flag}{argument}\n      {env}, default {default}\n");
    *text += &wrapped("      ", help);
}

/// What stands for the value of an option in the help; empty where it has none.
pub fn argument(kind: Kind) -> String {
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

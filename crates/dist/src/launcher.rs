//! The launcher's command line, as clap describes one. It is made from the launcher's help.
//!
//! No command line is parsed with it: the launcher has a small parser of its own. The manual and the
//! completions are made from such a description of either program.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};
use softclose_core::settings::knobs::{KNOBS, Kind, Knob};
use softclose_launcher::help::{self, BEFORE, INSTEAD, OwnOption};

/// The heading of the options that are settings.
pub const SETTINGS: &str = "Settings";

/// `softclose`, its options and its command.
pub fn command() -> Command {
    let command = Arg::new("COMMAND")
        .num_args(1..)
        .trailing_var_arg(true)
        .value_hint(ValueHint::CommandWithArguments)
        .help("the command to run, and its arguments");
    Command::new("softclose")
        .about("run a command and close its TCP sockets gracefully")
        .long_about(help::INTRODUCTION.trim())
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(INSTEAD.iter().map(|option| own(option, "Instead of running the command")))
        .args(BEFORE.iter().map(|option| own(option, "Before running the command")))
        .args(KNOBS.iter().map(setting))
        .arg(command)
}

fn own(option: &OwnOption, heading: &'static str) -> Arg {
    let arg = Arg::new(option.long).long(option.long).help(option.help).action(ArgAction::SetTrue);
    arg.short(option.short).help_heading(heading)
}

fn setting(knob: &'static Knob) -> Arg {
    let arg = Arg::new(knob.flag).long(knob.flag).help(knob.help).help_heading(SETTINGS);
    if !help::takes_value(knob) {
        return arg.action(ArgAction::SetTrue);
    }
    let arg = arg.value_name(help::argument(knob.kind));
    match knob.kind {
        Kind::Choice(words) => arg.value_parser(PossibleValuesParser::new(words)),
        // The variable of a directory ends with _DIR; any other path may be that of a file.
        Kind::Path if knob.env.ends_with("_DIR") => arg.value_hint(ValueHint::DirPath),
        Kind::Path => arg.value_hint(ValueHint::AnyPath),
        _ => arg.value_hint(ValueHint::Other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_holds_together() {
        command().debug_assert();
    }
}

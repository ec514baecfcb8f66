//! The command line.
//!
//! The first word that is no option is the command, and all words after it are its arguments. There
//! are no subcommands, as any word may be the name of a program.

use crate::command::Invocation;
use crate::failure::Failure;
use crate::{help, options};
use lexopt::{Arg, Parser};
use options::Options;
use softclose_core::settings::knobs::Knob;
use std::ffi::OsString;

/// What the launcher is to do.
#[derive(Debug)]
pub enum Action {
    /// Replace this process by the command.
    Run(Invocation),
    /// Say whether the shim will be loaded into the command.
    Check(OsString),
    /// Copy the library, `softclose-drain` and the launcher into a directory.
    Copy(OsString),
    /// Print every knob, its value and where it comes from.
    ShowConfig,
    /// Print the environment variables that the command would get.
    PrintEnv,
    /// Print the help.
    Help,
    /// Print the version.
    Version,
}

/// A command line that was understood.
#[derive(Debug)]
pub struct Args {
    /// What the launcher is to do.
    pub action: Action,
    /// Whether a warning of the check is an error.
    pub strict: bool,
    /// The settings that were given.
    pub options: Options,
}

/// What is done with the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Run,
    Check,
    Copy,
    ShowConfig,
    PrintEnv,
}

/// Reads a command line up to and including the command.
pub fn parse(mut parser: Parser) -> Result<Args, Failure> {
    let (mut mode, mut strict, mut options, mut command) = (Mode::Run, false, Options::default(), None);
    while let Some(arg) = parser.next()? {
        match arg {
            Arg::Short('h') | Arg::Long("help") => return Ok(Args { action: Action::Help, strict, options }),
            Arg::Short('V') | Arg::Long("version") => return Ok(Args { action: Action::Version, strict, options }),
            Arg::Long("strict") => strict = true,
            Arg::Long("check") => mode = mode.or(Mode::Check)?,
            Arg::Long("copy") => mode = mode.or(Mode::Copy)?,
            Arg::Long("show-config") => mode = mode.or(Mode::ShowConfig)?,
            Arg::Long("print-env") => mode = mode.or(Mode::PrintEnv)?,
            Arg::Value(name) => command = Some(Invocation { name, args: parser.raw_args()?.collect() }),
            arg => {
                let knob = knob_of(arg)?;
                options.set(knob, value(knob, &mut parser)?)?;
            }
        }
    }
    Ok(Args { action: action(mode, command)?, strict, options })
}

impl Mode {
    /// Chooses a mode. Two different modes on one command line are an error.
    fn or(self, chosen: Self) -> Result<Self, Failure> {
        if self != Self::Run && self != chosen {
            return Err(Failure::own(
                "--check, --copy, --show-config and --print-env exclude each other: give one of them",
            ));
        }
        Ok(chosen)
    }
}

/// What to do. A command after `--show-config` or `--print-env` is not run: the user may put such
/// an option into an existing command line.
fn action(mode: Mode, command: Option<Invocation>) -> Result<Action, Failure> {
    match (mode, command) {
        (Mode::ShowConfig, _) => Ok(Action::ShowConfig),
        (Mode::PrintEnv, _) => Ok(Action::PrintEnv),
        (Mode::Check, Some(command)) => Ok(Action::Check(command.name)),
        (Mode::Copy, Some(command)) => Ok(Action::Copy(command.name)),
        (Mode::Run, Some(command)) => Ok(Action::Run(command)),
        (Mode::Copy, None) => Err(Failure::own(format_args!("DIRECTORY is missing\n{}", help::USAGE))),
        (_, None) => Err(Failure::own(format_args!("COMMAND is missing\n{}", help::USAGE))),
    }
}

fn knob_of(arg: Arg<'_>) -> Result<&'static Knob, Failure> {
    match arg {
        Arg::Long(flag) => options::knob(flag).ok_or_else(|| arg.unexpected().into()),
        _ => Err(arg.unexpected().into()),
    }
}

fn value(knob: &Knob, parser: &mut Parser) -> Result<OsString, Failure> {
    if options::takes_value(knob) { Ok(parser.value()?) } else { Ok(parser.optional_value().unwrap_or("1".into())) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(words: &[&str]) -> Result<Args, Failure> {
        parse(Parser::from_args(words))
    }

    fn invocation(words: &[&str]) -> (OsString, Vec<OsString>) {
        match parsed(words).unwrap().action {
            Action::Run(Invocation { name, args }) => (name, args),
            other => panic!("{words:?} is {other:?}"),
        }
    }

    #[test]
    fn options_end_at_the_command() {
        let expected = ("cmd".into(), vec!["--idle".into(), "--".into(), "-h".into()]);
        assert_eq!(invocation(&["--idle", "1s", "cmd", "--idle", "--", "-h"]), expected);
        assert_eq!(invocation(&["--idle=1s", "--", "cmd", "--idle", "--", "-h"]), expected);
    }

    /// The variable takes a value, and the option refused each.
    #[test]
    fn a_switch_takes_the_values_of_its_variable() {
        for switch in ["--disable", "--disable=1", "--disable=yes", "--disable=0", "--disable=off"] {
            assert_eq!(invocation(&[switch, "cmd"]), ("cmd".into(), vec![]));
        }
        assert_eq!(invocation(&["--disable", "0"]), ("0".into(), vec![]), "a word behind it is the command");
    }

    #[test]
    fn any_word_can_be_a_command() {
        for word in ["check", "help", "run", ""] {
            assert_eq!(invocation(&[word]), (word.into(), vec![]));
        }
        assert_eq!(invocation(&["--", "--help"]), ("--help".into(), vec![]));
    }

    #[test]
    fn what_cannot_be_understood_is_our_own_error() {
        let lines: &[&[&str]] = &[
            &[],
            &["--"],
            &["--strict"],
            &["--check"],
            &["--copy"],
            &["--bogus", "cmd"],
            &["-x", "cmd"],
            &["--idle"],
            &["--disable=maybe", "cmd"],
            &["--check", "--print-env", "cmd"],
        ];
        for line in lines {
            assert_eq!(parsed(line).unwrap_err().status, 125, "{line:?}");
        }
    }

    #[test]
    fn every_option_that_the_help_names_is_understood() {
        for option in help::INSTEAD.iter().chain(help::BEFORE) {
            let short = option.short.map(|letter| format!("-{letter}"));
            for name in short.into_iter().chain([format!("--{}", option.long)]) {
                assert!(parsed(&[&name, "cmd"]).is_ok(), "{name}");
            }
        }
    }

    #[test]
    fn dry_runs_need_no_command_and_run_none() {
        assert!(matches!(parsed(&["--show-config"]).unwrap().action, Action::ShowConfig));
        assert!(matches!(parsed(&["--print-env", "cmd"]).unwrap().action, Action::PrintEnv));
    }
}

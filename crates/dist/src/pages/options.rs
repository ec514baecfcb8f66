//! The options of a command in a manual page.

use clap::{Arg, Command};
use roff::{Inline, Roff, bold, italic, roman};

/// Appends one paragraph for each option and argument that is `wanted`.
pub fn list(roff: &mut Roff, command: &Command, wanted: impl Fn(&Arg) -> bool) {
    for arg in command.get_arguments().filter(|arg| !arg.is_hide_set() && wanted(arg)) {
        roff.control("TP", []);
        roff.text(term(arg));
        roff.text([roman(help(arg))]);
    }
}

/// The arguments of a command for a synopsis, such as `[--json] [PID]`.
pub fn usage(command: &Command) -> Vec<Inline> {
    let args = command.get_arguments().filter(|arg| !arg.is_hide_set() && !is_help(arg));
    args.flat_map(|arg| {
        let (open, close) = if arg.is_required_set() { (" ", "") } else { (" [", "]") };
        [vec![roman(open)], term(arg), vec![roman(close)]].concat()
    })
    .collect()
}

/// Whether clap has added the option, as it does to every command.
pub fn is_help(arg: &Arg) -> bool {
    matches!(arg.get_id().as_str(), "help" | "version")
}

/// An option or argument as `-h, --help`, `--timeout=DURATION` or `PID`.
fn term(arg: &Arg) -> Vec<Inline> {
    let Some(long) = arg.get_long() else { return vec![italic(value(arg))] };
    let short = arg.get_short().map(|letter| [bold(format!("-{letter}")), roman(", ")]);
    let mut term: Vec<_> = short.into_iter().flatten().chain([bold(format!("--{long}"))]).collect();
    if arg.get_action().takes_values() {
        term.extend([roman("="), italic(value(arg))]);
    }
    term
}

fn value(arg: &Arg) -> String {
    let names = arg.get_value_names().unwrap_or_default().join(" ");
    if names.is_empty() { arg.get_id().as_str().to_uppercase() } else { names }
}

fn help(arg: &Arg) -> String {
    let mut help = arg.get_help().map(ToString::to_string).unwrap_or_default();
    let defaults: Vec<_> = arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if arg.get_action().takes_values() && !defaults.is_empty() {
        help += &format!(" [default: {}]", defaults.join(" "));
    }
    help
}

//! softclosectl(1): one page for all subcommands, which are few and short.

use super::options;
use super::see_also;
use clap::{Command, CommandFactory};
use roff::{Roff, bold, italic, roman};
use softclose_ctl::args::Cli;

/// The page, without its title.
pub fn page() -> Roff {
    let mut roff = Roff::new();
    let command = Cli::command();
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!("softclosectl - {}", sentence(&command)))]);
    roff.control("SH", ["SYNOPSIS"]);
    roff.text([bold("softclosectl"), roman(" ["), italic("OPTIONS"), roman("] "), italic("COMMAND")]);
    roff.control("SH", ["DESCRIPTION"]);
    prose(&mut roff, &command);
    roff.control("SH", ["OPTIONS"]);
    options::list(&mut roff, &command, |_| true);
    roff.control("SH", ["COMMANDS"]);
    command.get_subcommands().for_each(|command| subcommand(&mut roff, command));
    roff.control("SH", ["EXIT STATUS"]);
    roff.text([roman(
        "0 if the command has succeeded. 1 if it has failed; then there is a message on standard error. 2 if the \
         command line is wrong.",
    )]);
    see_also(&mut roff, &["softclose(1)", "softclose(7)"]);
    roff
}

fn subcommand(roff: &mut Roff, command: &Command) {
    roff.control("SS", [format!("softclosectl {}", command.get_name()).as_str()]);
    let usage = options::usage(command);
    if !usage.is_empty() {
        roff.text([vec![bold("softclosectl "), bold(command.get_name())], usage].concat());
        roff.control("PP", []);
    }
    prose(roff, command);
    options::list(roff, command, |arg| !options::is_help(arg));
    for nested in command.get_subcommands() {
        roff.control("TP", []);
        roff.text([bold(nested.get_name())]);
        prose(roff, nested);
    }
}

/// The description of a command for `apropos`: without a capital and a full stop.
fn sentence(command: &Command) -> String {
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    about[..1].to_lowercase() + about[1..].trim_end_matches('.')
}

fn prose(roff: &mut Roff, command: &Command) {
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    for (at, paragraph) in about.split("\n\n").enumerate() {
        if at > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(paragraph.replace('\n', " "))]);
    }
}

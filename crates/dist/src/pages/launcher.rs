//! softclose(1): the launcher.

use super::options;
use super::see_also;
use crate::launcher::{SETTINGS, command};
use clap::Arg;
use roff::{Roff, bold, italic, roman};
use softclose_launcher::help::{INTRODUCTION, STATUSES};

const SETTINGS_OF: &str = "Each of these options sets an environment variable for the command. softclose(7) \
    describes the variables, their defaults and the values that are allowed. Any other value is an error: the \
    command is not run.";

/// The page, without its title.
pub fn page() -> Roff {
    let mut roff = Roff::new();
    let command = command();
    roff.control("SH", ["NAME"]);
    roff.text([roman(format!("softclose - {}", command.get_about().map(ToString::to_string).unwrap_or_default()))]);
    synopsis(&mut roff);
    roff.control("SH", ["DESCRIPTION"]);
    roff.text([roman(INTRODUCTION.trim().replace('\n', " "))]);
    roff.control("SH", ["OPTIONS"]);
    options::list(&mut roff, &command, |arg| !arg.is_positional() && !is_setting(arg));
    roff.control("SS", [SETTINGS]);
    roff.text([roman(SETTINGS_OF)]);
    options::list(&mut roff, &command, is_setting);
    statuses(&mut roff);
    examples(&mut roff);
    see_also(&mut roff, &["softclosectl(1)", "softclose(7)", "ld.so(8)"]);
    roff
}

fn is_setting(arg: &Arg) -> bool {
    arg.get_help_heading() == Some(SETTINGS)
}

fn synopsis(roff: &mut Roff) {
    roff.control("SH", ["SYNOPSIS"]);
    let run = [bold("softclose"), roman(" ["), italic("OPTIONS"), roman("] [--] "), italic("COMMAND")];
    roff.text([&run[..], &[roman(" ["), italic("ARG"), roman("...]")]].concat());
    roff.control("br", []);
    roff.text([bold("softclose --check"), roman(" ["), bold("--strict"), roman("] "), italic("COMMAND")]);
    roff.control("br", []);
    roff.text([bold("softclose --copy"), roman(" "), italic("DIRECTORY")]);
    for alone in ["--show-config", "--print-env", "--help", "--version"] {
        roff.control("br", []);
        roff.text([bold(format!("softclose {alone}"))]);
    }
}

fn statuses(roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    roff.text([roman("The exit status is that of the command, or")]);
    for (status, meaning) in STATUSES {
        roff.control("TP", []);
        roff.text([bold(status.to_string())]);
        roff.text([roman(*meaning)]);
    }
}

fn examples(roff: &mut Roff) {
    roff.control("SH", ["EXAMPLES"]);
    for (line, what) in [
        ("softclose -- ./server --its --own", "Run a server. Options after its name are options of the server."),
        ("softclose --check ./server", "Check whether the shim will be loaded into the server."),
        ("softclose --strategy=observe ./server", "Run the server, change no close, and count what each close loses."),
        ("softclose --idle=2s --print-env", "Print the environment variables to set in a unit file."),
    ] {
        roff.control("TP", []);
        roff.text([bold(line)]);
        roff.text([roman(what)]);
    }
}

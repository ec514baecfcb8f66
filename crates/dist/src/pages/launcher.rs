//! softclose(1)

use super::options;
use super::see_also;
use crate::launcher::{SETTINGS, command};
use clap::Arg;
use roff::{Roff, bold, italic, roman};
use softclose_launcher::help::{INTRODUCTION, STATUSES};

const SETTINGS_OF: &str = "Each sets an environment variable of the command, \
    which softclose(7) describes with its default and what is allowed. A value that is not understood is an error.";

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
    for alone in ["--show-config", "--print-env", "--help", "--version"] {
        roff.control("br", []);
        roff.text([bold(format!("softclose {alone}"))]);
    }
}

fn statuses(roff: &mut Roff) {
    roff.control("SH", ["EXIT STATUS"]);
    roff.text([roman("That of the command, or")]);
    for (status, meaning) in STATUSES {
        roff.control("TP", []);
        roff.text([bold(status.to_string())]);
        roff.text([roman(*meaning)]);
    }
}

fn examples(roff: &mut Roff) {
    roff.control("SH", ["EXAMPLES"]);
    for (line, what) in [
        ("softclose -- ./server --its --own", "Run a server; its options are its own."),
        ("softclose --check ./server", "Will the shim be loaded into it?"),
        ("softclose --strategy=observe ./server", "Change nothing, but count what each close loses."),
        ("softclose --idle=2s --print-env", "What a unit file would have to set."),
    ] {
        roff.control("TP", []);
        roff.text([bold(line)]);
        roff.text([roman(what)]);
    }
}

//! The command `softclosectl`: all of its code is in the library.

use clap::Parser;
use softclose_ctl::args::Cli;
use std::process::ExitCode;

fn main() -> ExitCode {
    let outcome = match Cli::try_parse() {
        Ok(cli) => softclose_ctl::run(&cli).map(|()| ExitCode::SUCCESS),
        Err(said) => softclose_ctl::say(&said).map(ExitCode::from),
    };
    outcome.unwrap_or_else(|error| {
        softclose_ctl::complain(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

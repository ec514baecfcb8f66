//! The command `softclosectl`: all of its code is in the library.

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    match softclose_ctl::run(&softclose_ctl::args::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("softclosectl: {error:#}");
            ExitCode::FAILURE
        }
    }
}

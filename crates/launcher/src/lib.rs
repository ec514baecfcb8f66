//! `softclose [OPTIONS] [--] COMMAND [ARG...]` runs a command with the shim preloaded.
//!
//! The launcher sets environment variables and calls `execvp(3)`: pid, signals and exit status
//! are the command's. An error of the launcher itself ends it with status 125, so that a caller
//! can tell it from an error of the command.
//!
//! Context: an ordinary process, before the command runs. It may allocate, open files and take
//! locks. It must not panic: the status of a panic would be taken for the command's.
//!
//! The crate is a library too: the manual and the completions are made from [`help`], and `softclosectl scan` uses
//! [`check`], [`library`] and [`quote`]; what is to fit a terminal, [`wrap`].
#![deny(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod args;
pub mod check;
mod command;
mod config;
mod copy;
mod environment;
mod failure;
pub mod help;
pub mod library;
mod options;
mod output;
pub mod quote;
mod sigpipe;
pub mod wrap;

use args::{Action, Args};
use command::Invocation;
use failure::{Failure, OWN};
use options::Options;
use softclose_core::holders::refs::proof_in_use;
use std::ffi::OsStr;
use std::process::ExitCode;

/// Does what the command line of this process says. Where it says to run a command, this returns
/// only if that has failed.
pub fn main() -> ExitCode {
    match run(lexopt::Parser::from_env()) {
        Ok(status) => status,
        Err(failure) => failure.report(),
    }
}

fn run(parser: lexopt::Parser) -> Result<ExitCode, Failure> {
    let Args { action, strict, options } = args::parse(parser)?;
    match action {
        Action::Help => print(help::text().as_bytes(), ExitCode::SUCCESS),
        Action::Version => print(help::version().as_bytes(), ExitCode::SUCCESS),
        Action::ShowConfig => show_config(&options),
        Action::PrintEnv => print_env(&options),
        Action::Check(name) => run_check(&name, strict),
        Action::Copy(directory) => copy::to(directory.as_ref()).map(|()| ExitCode::SUCCESS),
        Action::Run(invocation) => run_command(&invocation, strict, &options),
    }
}

/// Writes `text` to stdout, and answers `status`.
fn print(text: &[u8], status: ExitCode) -> Result<ExitCode, Failure> {
    match output::stdout(text) {
        Ok(()) => Ok(status),
        Err(error) => Err(Failure::own(format_args!("cannot write to stdout: {error}"))),
    }
}

fn show_config(options: &Options) -> Result<ExitCode, Failure> {
    let (table, warnings) = config::show(options);
    for warning in warnings.into_iter().chain(config::unknown()) {
        output::stderr(&warning);
    }
    let proof = format!("If its own counts do not prove who holds a connection, softclose asks: {}\n", proof_in_use());
    print((table + "\n" + &proof).as_bytes(), ExitCode::SUCCESS)
}

fn print_env(options: &Options) -> Result<ExitCode, Failure> {
    let assignments = environment::effective(&library::find()?, options);
    print(&environment::lines(&assignments), ExitCode::SUCCESS)
}

/// Checks the command. A warning makes the status 1, or 125 with `--strict`, as when the command is
/// to be run.
fn run_check(name: &OsStr, strict: bool) -> Result<ExitCode, Failure> {
    let findings = check::check(name, &library::find()?)?;
    let status = match (findings.has_warning(), strict) {
        (false, _) => ExitCode::SUCCESS,
        (true, false) => ExitCode::FAILURE,
        (true, true) => ExitCode::from(OWN),
    };
    print(findings.to_string().as_bytes(), status)
}

fn run_command(invocation: &Invocation, strict: bool, options: &Options) -> Result<ExitCode, Failure> {
    let library = library::find()?;
    if strict {
        check::check(&invocation.name, &library)?.must_not_warn()?;
    }
    config::unknown().for_each(|warning| output::stderr(&warning));
    Err(command::execvp(invocation, environment::assignments(&library, options)))
}

//! `softclose [OPTIONS] [--] COMMAND [ARG...]`: runs a command with the shim
//! preloaded.
//!
//! The launcher only sets environment variables and calls `execvp(3)`: pid,
//! signals and exit status are the command's. Everything that it does by itself
//! ends with 125, so that a caller can tell our errors from the command's.
//!
//! Context: an ordinary process, before the command exists. Allocation, files
//! and locks are fine here; a panic is not, because its status would be taken
//! for the command's.
//!
//! A library besides the binary, for [`help`]: the manual and the completions are made
//! from it.
#![deny(unsafe_code)]
#![warn(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![warn(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod check;
mod command;
mod config;
mod environment;
mod failure;
pub mod help;
mod library;
mod options;
mod quote;
mod report;
mod sigpipe;

use args::{Action, Args};
use command::Invocation;
use failure::{Failure, OWN};
use options::Options;
use softclose_core::holders::refs::proof_in_use;
use std::ffi::OsStr;
use std::process::ExitCode;

/// Does what the command line of this process says; where that is to run a command, it
/// only returns if it failed.
pub fn main() -> ExitCode {
    match run(lexopt::Parser::from_env()) {
        Ok(status) => status,
        Err(failure) => failure.report(),
    }
}

fn run(parser: lexopt::Parser) -> Result<ExitCode, Failure> {
    let Args { action, strict, options } = args::parse(parser)?;
    match action {
        Action::Help => report::stdout(help::text().as_bytes(), ExitCode::SUCCESS),
        Action::Version => report::stdout(help::version().as_bytes(), ExitCode::SUCCESS),
        Action::ShowConfig => show_config(&options),
        Action::PrintEnv => print_env(&options),
        Action::Check(name) => run_check(&name, strict),
        Action::Run(invocation) => run_command(&invocation, strict, &options),
    }
}

fn show_config(options: &Options) -> Result<ExitCode, Failure> {
    let (table, warnings) = config::show(options);
    for warning in warnings {
        report::stderr(&warning);
    }
    let proof = format!("where softclose's own counts do not tell who holds a connection: {}\n", proof_in_use());
    report::stdout((table + "\n" + &proof).as_bytes(), ExitCode::SUCCESS)
}

fn print_env(options: &Options) -> Result<ExitCode, Failure> {
    let assignments = environment::effective(&library::find()?, options);
    report::stdout(&environment::lines(&assignments), ExitCode::SUCCESS)
}

/// 1 for a warning; with `--strict` it is 125, as it would be before the exec.
fn run_check(name: &OsStr, strict: bool) -> Result<ExitCode, Failure> {
    let report = check::check(name, &library::find()?)?;
    let status = match (report.warned(), strict) {
        (false, _) => ExitCode::SUCCESS,
        (true, false) => ExitCode::FAILURE,
        (true, true) => ExitCode::from(OWN),
    };
    report::stdout(report.to_string().as_bytes(), status)
}

fn run_command(invocation: &Invocation, strict: bool, options: &Options) -> Result<ExitCode, Failure> {
    let library = library::find()?;
    if strict {
        check::check(&invocation.name, &library)?.must_not_warn()?;
    }
    Err(command::execvp(invocation, environment::assignments(&library, options)))
}

//! `softclosectl` shows what softclose does in running programs.
//!
//! | module | one idea |
//! |---|---|
//! | [`args`] | the command line |
//! | [`mod@proc`] | processes, as `/proc` shows them |
//! | [`stats_file`] | one file with counters, which any user may have made |
//! | [`mod@survey`] | which processes have softclose, and which counters are theirs |
//! | [`samples`] | the numbers of a program, by name |
//! | [`refs`] | the kernel's own count of references |
//! | [`ps`], [`stat`], [`explain`], [`prometheus`], [`top`], [`mod@clean`] | the commands |
//! | [`mod@scan`] | which services of the host cut off responses |
//! | [`human`] | durations, sizes and tables for people |
//! | [`document`] | where the documents are |
//! | [`signals`] | signals that end a command as its usual end does |
//! | [`printable`] | text of other users, made harmless for a terminal |
//! | [`patience`] | a look at a process that comes to an end |
//!
//! `softclose_core::counters` defines what is counted, and where it lies in a file.
#![deny(unsafe_code)]

pub mod args;
pub mod clean;
pub mod document;
pub mod explain;
pub mod human;
pub mod patience;
pub mod printable;
pub mod proc;
pub mod prometheus;
pub mod ps;
pub mod refs;
pub mod samples;
pub mod scan;
pub mod signals;
pub mod stat;
pub mod stats_file;
pub mod survey;
pub mod top;

use anyhow::{Context, Result, ensure};
use args::{Cli, Command, Refs};
use std::io::{ErrorKind, Write};
use std::path::Path;
use survey::process::{Look, look};
use survey::{Environment, Program, Survey, Why, survey};

/// Runs the subcommand.
pub fn run(cli: &Cli) -> Result<()> {
    if let Command::Top(options) = &cli.command {
        return top::run(options, &cli.directories);
    }
    if let Command::Scan(options) = &cli.command {
        return scan::run(options);
    }
    if let Command::Refs(what) = cli.command {
        return print(&count_of_references(what)?);
    }
    cli.directories.iter().for_each(|directory| name_unreadable(directory));
    let survey = survey(&cli.directories)?;
    match &cli.command {
        Command::Clean(options) => return clean::run(&survey, options),
        Command::Prometheus { textfile: Some(directory) } => {
            prometheus::write(&prometheus::text(&survey), directory)?;
        }
        command => {
            print(&shown(command, &survey)?)?;
            name_other_layouts(command, &survey);
        }
    }
    survey.sweep();
    Ok(())
}

fn shown(command: &Command, survey: &Survey) -> Result<String> {
    Ok(match command {
        Command::Ps { json: true, .. } => line(&ps::json(survey))?,
        Command::Ps { json: false, all } => ps::text(survey, *all),
        Command::Stat { pid, json: true } => {
            line(&chosen(survey, *pid)?.into_iter().map(stat::json).collect::<serde_json::Value>())?
        }
        Command::Stat { pid, json: false } => {
            let texts: Vec<_> = chosen(survey, *pid)?.into_iter().map(stat::text).collect();
            if texts.is_empty() { ps::NONE.to_owned() } else { texts.join("\n") }
        }
        Command::Explain { pid } => {
            chosen(survey, Some(*pid))?.into_iter().map(explain::text).collect::<Vec<_>>().join("\n")
        }
        Command::Prometheus { .. } => prometheus::text(survey),
        Command::Clean(_) | Command::Top(_) | Command::Refs(_) | Command::Scan(_) => String::new(),
    })
}

/// Says on stderr which counters are missing in the output of `stat`: those of programs with another
/// version of softclose. `ps` and `prometheus` say it in their own output.
fn name_other_layouts(command: &Command, survey: &Survey) {
    if let Command::Stat { pid: None, .. } = command {
        survey.of_other_layouts().for_each(|file| complain(&file.to_string()));
    }
}

/// Says on stderr that a directory of `--dir` cannot be searched. It may be one of which there is none yet.
fn name_unreadable(directory: &Path) {
    if let Err(error) = stats_file::directory::open(directory) {
        complain(&format!("{} is not searched: {error}", printable::path(directory)));
    }
}

/// Writes a line to stderr. If that fails, there is nowhere left to say so.
pub fn complain(message: &str) {
    let _ = writeln!(std::io::stderr(), "softclosectl: {message}");
}

fn count_of_references(what: Refs) -> Result<String> {
    match what {
        Refs::Install => refs::install(),
        Refs::Status => refs::status(),
        Refs::Remove => refs::remove(),
    }
}

fn line(value: &serde_json::Value) -> Result<String> {
    Ok(format!("{}\n", serde_json::to_string_pretty(value)?))
}

/// The programs that a pid names; without a pid, all programs.
fn chosen(survey: &Survey, pid: Option<u32>) -> Result<Vec<&Program>> {
    let Some(pid) = pid else { return Ok(survey.programs.iter().collect()) };
    let found = survey.programs(pid);
    ensure!(!found.is_empty(), why_not(survey, pid));
    Ok(found)
}

/// The message about a process of which there are no counters.
fn why_not(survey: &Survey, pid: u32) -> String {
    match survey.processes.iter().find(|process| process.pid == pid) {
        Some(process) if !process.stats_files.is_empty() => match survey.why_unreadable(process) {
            Some(Why::Content(why)) => format!("the counters of process {pid} cannot be read: {why}"),
            _ => format!("the counters of process {pid} cannot be read: are you root?"),
        },
        Some(_) => match Environment::of(pid) {
            Some(environment) if environment.is_disabled => {
                format!("process {pid} was started with SOFTCLOSE_DISABLE: softclose changes none of its closes")
            }
            Some(environment) if environment.is_unpublished => {
                format!("process {pid} was started with SOFTCLOSE_STATS=off: it does not publish its counters")
            }
            _ => format!(
                "process {pid} has softclose loaded, but no counters: it has had no TCP connection yet, or \
                 no directory for them (FILES in softclose(7))"
            ),
        },
        None if survey.waiting.contains(&pid) => format!("process {pid} cannot be looked at: {}", patience::WAITING),
        None if !proc::is_running(pid) => format!("there is no process {pid}"),
        // With hidepid there is not even a name of it.
        None if proc::stat(pid).is_none() || matches!(look(pid), Look::Hidden) => {
            format!("you may not look at process {pid}: that takes root (in a container, CAP_SYS_PTRACE as well)")
        }
        None => {
            format!("process {pid} does not have softclose loaded. Why? See {}", document::path("not-loaded.md"))
        }
    }
}

/// Writes to stdout. A reader that is gone (`softclosectl ps | head -1`) is no error: it has seen all
/// that it wanted.
fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    arrived(out.write_all(text.as_bytes()).and_then(|()| out.flush()))
}

/// Prints what clap says instead of a command: help and version on stdout, a mistake on stderr.
/// Answers the exit status.
pub fn say(said: &clap::Error) -> Result<u8> {
    let written = said.print().and_then(|()| std::io::stdout().flush());
    // Where stderr cannot be written to, the status alone tells of the mistake.
    if !said.use_stderr() {
        arrived(written)?;
    }
    Ok(u8::try_from(said.exit_code()).unwrap_or(1))
}

fn arrived(written: std::io::Result<()>) -> Result<()> {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("cannot write to stdout"),
        _ => Ok(()),
    }
}

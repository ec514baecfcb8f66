//! `softclosectl ps`: the processes that have softclose loaded.

use crate::human;
use crate::patience;
use crate::stats_file::FileId;
use crate::survey::{Arbiter, Environment, Liveness, Process, Program, Survey};
use serde_json::{Value, json};
use softclose_core::settings::knobs::KNOBS;
use std::collections::HashMap;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `ASKS` is what the process asks where its own counts do not prove who holds a connection.
const HEADS: [&str; 9] = ["PID", "UID", "PROGRAM", "VERSION", "UPTIME", "COUNTERS", "HELD", "ASKS", "SETTINGS"];

/// What is said where there is nothing to show.
pub const NONE: &str = "no process with softclose is running, as far as you may look\n";

/// A table for people. Below it is what else there is: how many files no visible process uses, variables
/// that are none of ours, files that cannot be read, directories that are not used, and hidden processes.
/// With `all`, everything is listed.
pub fn text(survey: &Survey, all: bool) -> String {
    let living: Vec<_> = survey.processes.iter().map(|process| (process, Environment::of(process.pid))).collect();
    let most = if all { usize::MAX } else { MOST_LINES };
    let unknown = unknown(&living, most);
    let programs = by_file(survey);
    let living = living.into_iter().map(|(process, its)| row(process, program_of(&programs, process), its));
    let gone = survey.gone().filter(|_| all).map(gone);
    let rows: Vec<_> = living.chain(gone).collect();
    let table = if rows.is_empty() { NONE.to_owned() } else { human::table(&HEADS, &rows) };
    let unreadable = survey.unreadable.iter().filter(|file| all || file.is_mapped);
    let unreadable: Vec<_> = unreadable.map(|file| format!("{file}\n")).collect();
    let hidden = match survey.hidden {
        0 => String::new(),
        count => format!("processes that you may not look at, with or without softclose: {count}\n"),
    };
    let parts = [table, if all { String::new() } else { not_listed(survey) }, unknown];
    let lists = [lines(&unreadable, most), lines(&notices(survey), most), hidden];
    parts.into_iter().chain(lists).collect()
}

/// Another user can make any number of files and directories with our names.
const MOST_LINES: usize = 8;

fn notices(survey: &Survey) -> Vec<String> {
    let waiting = survey.waiting.iter().map(|pid| format!("process {pid} was left out: {}\n", patience::WAITING));
    survey.notices.iter().map(|notice| format!("{notice}\n")).chain(waiting).collect()
}

fn lines(all: &[String], most: usize) -> String {
    human::beginning(all, most, "softclosectl ps --all")
}

/// One line for the files that no visible process uses.
fn not_listed(survey: &Survey) -> String {
    let count = |state| survey.gone().filter(|program| program.state == state).count();
    let kinds = [
        (count(Liveness::Dead), "of programs that have ended"),
        (count(Liveness::Unknown), "of programs that are not visible"),
        (survey.unreadable.iter().filter(|file| !file.is_mapped).count(), "that cannot be read"),
    ];
    let kinds = kinds.iter().filter(|&&(count, _)| count != 0).map(|(count, what)| format!("{count} {what}"));
    match &kinds.collect::<Vec<_>>()[..] {
        [] => String::new(),
        kinds => format!("files not listed without --all: {}\n", kinds.join(", ")),
    }
}

/// A line for each process whose environment has variables that begin as ours do and are none.
fn unknown(processes: &[(&Process, Option<Environment>)], most: usize) -> String {
    let line = |(process, environment): &(&Process, Option<Environment>)| {
        let names = &environment.as_ref()?.unknown;
        (!names.is_empty()).then(|| format!("{} ignores what is no setting: {}\n", process.pid, names.join(" ")))
    };
    lines(&processes.iter().filter_map(line).collect::<Vec<_>>(), most)
}

/// The processes as JSON.
pub fn json(survey: &Survey) -> Value {
    let programs = by_file(survey);
    survey.processes.iter().map(|process| entry(process, program_of(&programs, process))).collect()
}

fn by_file(survey: &Survey) -> HashMap<FileId, &Program> {
    survey.programs.iter().map(|program| (program.file.id, program)).collect()
}

/// The program that a process counts into.
fn program_of<'a>(programs: &HashMap<FileId, &'a Program>, process: &Process) -> Option<&'a Program> {
    let its = process.stats_files.iter().filter_map(|file| programs.get(file).copied());
    its.min_by_key(|program| (!program.is_verified(), program.pid(), program.reading.created, program.file.id))
}

fn row(process: &Process, program: Option<&Program>, environment: Option<Environment>) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let (counters, settings) = match program {
        Some(program) if program.is_verified() => {
            (format!("of {}", program.pid()), Some(program.reading.settings.clone()))
        }
        Some(program) => (format!("of user {}", program.file.user), Some(program.reading.settings.clone())),
        None if process.stats_files.is_empty() => without_counters(environment),
        None => ("not readable".to_owned(), None),
    };
    vec![
        process.pid.to_string(),
        process.user.to_string(),
        process.program.clone(),
        or_dash(program.map(|program| program.reading.version.clone())),
        human::duration(process.uptime),
        counters,
        or_dash(program.map(|program| held_by(program, process).to_string())),
        or_dash(process.arbiter.map(|arbiter| arbiter.name().to_owned())),
        or_dash(settings.map(|settings| changed_settings(&settings))),
    ]
}

/// Why a process publishes no counters, and its settings, as far as its environment tells.
fn without_counters(environment: Option<Environment>) -> (String, Option<Vec<(String, String)>>) {
    let Some(environment) = environment else { return ("none".to_owned(), None) };
    let word = match (environment.is_disabled, environment.is_unpublished) {
        (true, _) => "disabled",
        (false, true) => "off",
        (false, false) => "none",
    };
    (word.to_owned(), Some(environment.settings))
}

fn held_by(program: &Program, process: &Process) -> u64 {
    let held = program.reading.held.iter().filter(|(pid, _)| *pid == process.own_pid);
    held.map(|&(_, held)| u64::from(held)).sum()
}

/// The row of a program without a visible process.
fn gone(program: &Program) -> Vec<String> {
    let age = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let age = age.saturating_sub(Duration::from_secs(program.reading.created));
    vec![
        program.reading.creator.to_string(),
        program.file.user.to_string(),
        program.reading.program.clone(),
        program.reading.version.clone(),
        human::duration(age),
        program.state.name().to_owned(),
        "-".to_owned(),
        "-".to_owned(),
        changed_settings(&program.reading.settings),
    ]
}

/// The settings that are not the defaults.
fn changed_settings(settings: &[(String, String)]) -> String {
    let is_default = |name: &str, value: &str| KNOBS.iter().any(|knob| knob.env == name && knob.default == value);
    let changed = settings.iter().filter(|(name, value)| !is_default(name, value));
    let words: Vec<_> = changed.map(|(name, value)| format!("{name}={value}")).collect();
    if words.is_empty() { "defaults".to_owned() } else { words.join(" ") }
}

fn entry(process: &Process, program: Option<&Program>) -> Value {
    json!({
        "pid": process.pid,
        "uid": process.user,
        "program": process.program,
        "uptime_seconds": process.uptime.as_secs(),
        "has_counters": !process.stats_files.is_empty(),
        "version": program.map(|program| &program.reading.version),
        "family": program.map(Program::pid),
        "held": program.map(|program| held_by(program, process)),
        "asks": process.arbiter.map(Arbiter::name),
        "settings": program.map(settings),
    })
}

/// All settings of a program, as a JSON object.
pub fn settings(program: &Program) -> Value {
    program.reading.settings.iter().map(|(name, value)| (name.clone(), Value::from(value.clone()))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half of what ps prints was explained nowhere.
    #[test]
    fn every_column_and_every_word_about_counters_is_documented() {
        const OPERATIONS: &str = include_str!("../../../docs/operations.md");
        let table = OPERATIONS.split("### Columns of `softclosectl ps`").nth(1).unwrap().split("###").next().unwrap();
        let words = ["of PID", "of user UID", "none", "disabled", "off", "not readable"];
        let states = [Liveness::Dead, Liveness::Unknown].map(Liveness::name);
        let asks = [Arbiter::Kernel, Arbiter::Procfs].map(Arbiter::name);
        for word in HEADS.into_iter().chain(words).chain(states).chain(asks) {
            assert!(table.contains(&format!("`{word}`")), "{word}");
        }
    }

    /// `ps --all` said of these that `ps --all` has more of them.
    #[test]
    fn all_names_that_are_no_settings_are_shown_if_all_is_to_be() {
        let environment = || Environment {
            is_disabled: false,
            is_unpublished: false,
            settings: Vec::new(),
            unknown: vec!["SOFTCLOSE_IDEL".to_owned()],
        };
        let process = Process {
            pid: 7,
            own_pid: 7,
            user: 0,
            program: String::new(),
            uptime: Duration::ZERO,
            stats_files: Vec::new(),
            arbiter: None,
        };
        let processes: Vec<_> = (0..20).map(|_| (&process, Some(environment()))).collect();
        let (few, all) = (unknown(&processes, MOST_LINES), unknown(&processes, usize::MAX));
        assert!(few.ends_with("and 12 more: softclosectl ps --all\n"), "{few}");
        assert_eq!((all.lines().count(), all.contains("more")), (20, false));
    }
}

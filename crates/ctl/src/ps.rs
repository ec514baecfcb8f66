//! `softclosectl ps`: the processes that have softclose loaded.

use crate::human;
use crate::survey::{Arbiter, Liveness, Process, Program, Survey};
use serde_json::{Value, json};
use softclose_core::settings::knobs::KNOBS;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `ASKS` is what the process asks where its own counts do not prove who holds a connection.
const HEADS: [&str; 9] = ["PID", "UID", "PROGRAM", "VERSION", "UPTIME", "COUNTERS", "HELD", "ASKS", "SETTINGS"];

/// A table for people. Below it are the files that cannot be read, and the number of hidden
/// processes.
pub fn text(survey: &Survey) -> String {
    let living = survey.processes.iter().map(|process| row(process, program_of(survey, process)));
    let gone = survey.programs.iter().filter(|program| program.state != Liveness::Live).map(gone);
    let rows: Vec<_> = living.chain(gone).collect();
    let unreadable = survey.unreadable.iter().map(|file| format!("{file}\n"));
    let hidden = match survey.hidden() {
        0 => String::new(),
        count => format!("processes that you may not look at, with or without softclose: {count}\n"),
    };
    [human::table(&HEADS, &rows)].into_iter().chain(unreadable).chain([hidden]).collect()
}

/// The processes as JSON.
pub fn json(survey: &Survey) -> Value {
    survey.processes.iter().map(|process| entry(process, program_of(survey, process))).collect()
}

fn program_of<'a>(survey: &'a Survey, process: &Process) -> Option<&'a Program> {
    survey.programs.iter().find(|program| process.stats_files.contains(&program.file.id))
}

fn row(process: &Process, program: Option<&Program>) -> Vec<String> {
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let counters = match program {
        Some(program) => format!("of {}", program.pid()),
        None if process.stats_files.is_empty() => "none".to_owned(),
        None => "not readable".to_owned(),
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
        or_dash(program.map(changed_settings)),
    ]
}

fn held_by(program: &Program, process: &Process) -> u32 {
    program.reading.held.iter().filter(|(pid, _)| *pid == process.own_pid).map(|(_, held)| held).sum()
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
        changed_settings(program),
    ]
}

/// The settings that are not the defaults.
fn changed_settings(program: &Program) -> String {
    let is_default = |name: &str, value: &str| KNOBS.iter().any(|knob| knob.env == name && knob.default == value);
    let changed = program.reading.settings.iter().filter(|(name, value)| !is_default(name, value));
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

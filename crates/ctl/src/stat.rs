//! `softclosectl stat`: every counter of a program. The text leaves out labelled ones that are zero.

use crate::human;
use crate::printable;
use crate::ps;
use crate::samples::{Sample, Value, samples};
use crate::survey::Program;
use serde_json::{Map, Value as Json, json};
use softclose_core::counters::names::{METRICS, Metric, Series};

/// The counters for people. A sample that has a label is left out if it is zero.
pub fn text(program: &Program) -> String {
    let Program { reading, processes, state, .. } = program;
    let pids: Vec<_> = processes.iter().map(|process| process.pid.to_string()).collect();
    let who = if pids.is_empty() { state.name().to_owned() } else { format!("processes {}", pids.join(" ")) };
    let head = format!(
        "{} {}, softclose {}, {who}{}\n",
        reading.program,
        program.pid(),
        reading.version,
        program.owner_in_doubt()
    );
    let lines = METRICS.iter().filter(|metric| is_number(metric)).flat_map(|metric| lines(metric, program));
    let rows: Vec<_> = lines.collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let rows = rows.iter().map(|(name, value)| format!("  {name:width$}  {value}\n"));
    [head].into_iter().chain(rows).collect()
}

fn is_number(metric: &Metric) -> bool {
    !matches!(metric.series, Series::Info | Series::Created)
}

fn lines(metric: &'static Metric, program: &Program) -> Vec<(String, String)> {
    let is_worth_it = |sample: &Sample| sample.label.is_none() || sample.value != Value::Whole(0);
    let line = |sample: Sample| {
        let label = sample.label.map(|(name, word)| format!("{{{name}=\"{word}\"}}")).unwrap_or_default();
        let size = match sample.value {
            Value::Whole(bytes) if metric.name.contains("_bytes") && bytes >= 1024 => {
                format!(" ({})", human::size(bytes))
            }
            _ => String::new(),
        };
        (format!("{}{}{label}", metric.name, sample.suffix), format!("{}{size}", sample.value))
    };
    samples(metric, program).into_iter().filter(is_worth_it).map(line).collect()
}

/// The counters as JSON: one object with a number for each metric, by name.
pub fn json(program: &Program) -> Json {
    let numbers: Map<_, _> =
        METRICS.iter().filter(|metric| is_number(metric)).map(|metric| entry(metric, program)).collect();
    json!({
        "pid": program.pid(),
        "program": program.reading.program,
        "version": program.reading.version,
        "uid": program.file.user,
        "state": program.state.name(),
        "processes": program.processes.iter().map(|process| process.pid).collect::<Vec<_>>(),
        "started": program.reading.created,
        "file": printable::path(&program.file.path),
        "settings": ps::settings(program),
        "metrics": numbers,
    })
}

/// A metric as one number, or as an object with a number for each value of the label.
fn entry(metric: &Metric, program: &Program) -> (String, Json) {
    let all = samples(metric, program);
    let value = match &all[..] {
        [Sample { label: None, value, .. }] => number(*value),
        _ => all.iter().map(|sample| (key(sample), number(sample.value))).collect(),
    };
    (metric.name.to_owned(), value)
}

fn key(sample: &Sample) -> String {
    sample.label.as_ref().map_or_else(|| sample.suffix.trim_start_matches('_').to_owned(), |(_, word)| word.clone())
}

fn number(value: Value) -> Json {
    match value {
        Value::Whole(value) => value.into(),
        Value::Seconds(value) => value.into(),
    }
}

//! `softclosectl stat`: every number of a program.

use crate::human;
use crate::ps;
use crate::samples::{Sample, Value, samples};
use crate::survey::Family;
use serde_json::{Map, Value as Json, json};
use softclose_core::counters::names::{METRICS, Metric, Series};

/// For people: what is zero is left out of the long lists.
pub fn text(family: &Family) -> String {
    let Family { reading, members, state, .. } = family;
    let pids: Vec<_> = members.iter().map(|member| member.pid.to_string()).collect();
    let who = if pids.is_empty() { state.name().to_owned() } else { format!("processes {}", pids.join(" ")) };
    let head = format!("{} {}, softclose {}, {who}\n", reading.program, family.pid(), reading.version);
    let lines = METRICS.iter().filter(|metric| is_number(metric)).flat_map(|metric| lines(metric, family));
    let rows: Vec<_> = lines.collect();
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let rows = rows.iter().map(|(name, value)| format!("  {name:width$}  {value}\n"));
    [head].into_iter().chain(rows).collect()
}

fn is_number(metric: &Metric) -> bool {
    !matches!(metric.series, Series::Info | Series::Created)
}

fn lines(metric: &'static Metric, family: &Family) -> Vec<(String, String)> {
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
    samples(metric, family).into_iter().filter(is_worth_it).map(line).collect()
}

/// For programs: an object a program, its numbers by their names.
pub fn json(family: &Family) -> Json {
    let numbers: Map<_, _> =
        METRICS.iter().filter(|metric| is_number(metric)).map(|metric| entry(metric, family)).collect();
    json!({
        "pid": family.pid(),
        "program": family.reading.program,
        "version": family.reading.version,
        "uid": family.file.user,
        "state": family.state.name(),
        "processes": family.members.iter().map(|member| member.pid).collect::<Vec<_>>(),
        "started": family.reading.created,
        "file": family.file.path.to_string_lossy(),
        "settings": ps::settings(family),
        "metrics": numbers,
    })
}

/// One number, or an object with one for each word of the label.
fn entry(metric: &Metric, family: &Family) -> (String, Json) {
    let all = samples(metric, family);
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

//! The numbers of a program by name, for `stat`, JSON and Prometheus.

use crate::survey::Program;
use softclose_core::counters::names::{BUCKETS_MS, DRAIN_MS, DRAIN_TIMES, Metric, Series};

/// The value of a sample.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A whole number.
    Whole(u64),
    /// A number of seconds.
    Seconds(f64),
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(value) => write!(f, "{value}"),
            Self::Seconds(value) => write!(f, "{value}"),
        }
    }
}

/// One value of a metric: a line of the exposition format.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The end of its name, behind the name of the metric.
    pub suffix: &'static str,
    /// The name and the value of its own label, if it has one.
    pub label: Option<(&'static str, String)>,
    /// Its value.
    pub value: Value,
}

impl Sample {
    fn plain(value: u64) -> Self {
        Self { suffix: "", label: None, value: Value::Whole(value) }
    }

    fn labelled(name: &'static str, word: impl Into<String>, value: u64) -> Self {
        Self { label: Some((name, word.into())), ..Self::plain(value) }
    }
}

/// All samples of one metric.
pub fn samples(metric: &Metric, program: &Program) -> Vec<Sample> {
    let reading = &program.reading;
    match metric.series {
        Series::One(at) => vec![Sample::plain(reading.value(at))],
        Series::Each { label, first, words } => {
            let each = words.iter().enumerate();
            each.map(|(at, word)| Sample::labelled(label, *word, reading.value(first + at))).collect()
        }
        Series::Sum(ranges) => {
            vec![Sample::plain(reading.sum(ranges.iter().cloned().flatten()))]
        }
        Series::Held => vec![Sample::plain(program.held())],
        Series::Info => vec![Sample::labelled("version", reading.version.clone(), 1)],
        Series::Members => vec![Sample::plain(program.processes.len() as u64)],
        Series::Created => vec![Sample::plain(reading.created)],
        Series::Times => histogram(|at| reading.value(at)),
    }
}

/// The samples of a histogram. Each bucket counts all values up to its bound.
fn histogram(value: impl Fn(usize) -> u64) -> Vec<Sample> {
    let bounds = BUCKETS_MS.iter().map(|&ms| (f64::from(ms) / 1000.0).to_string()).chain(["+Inf".to_owned()]);
    let mut count: u64 = 0;
    let buckets = bounds.enumerate().map(|(at, bound)| {
        count = count.saturating_add(value(DRAIN_TIMES + at));
        Sample { suffix: "_bucket", ..Sample::labelled("le", bound, count) }
    });
    let mut all: Vec<_> = buckets.collect();
    let sum = Value::Seconds(value(DRAIN_MS) as f64 / 1000.0);
    all.push(Sample { suffix: "_sum", label: None, value: sum });
    all.push(Sample { suffix: "_count", ..Sample::plain(count) });
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The sum of what a user had written into his file was no number.
    #[test]
    fn the_largest_values_are_no_overflow() {
        let all = histogram(|_| u64::MAX);
        assert_eq!(all.last().unwrap().value, Value::Whole(u64::MAX));
    }

    #[test]
    fn a_histogram_is_cumulative_and_ends_with_its_count() {
        let all = histogram(|at| if at == DRAIN_MS { 1500 } else { 1 });
        let texts: Vec<_> = all.iter().map(|sample| sample.value.to_string()).collect();
        assert_eq!(texts, ["1", "2", "3", "4", "5", "6", "7", "1.5", "7"]);
        let bounds: Vec<_> = all.iter().filter_map(|sample| Some(sample.label.as_ref()?.1.as_str())).collect();
        assert_eq!(bounds, ["0.01", "0.05", "0.25", "1", "5", "30", "+Inf"]);
    }
}

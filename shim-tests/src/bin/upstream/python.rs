//! Suites of Python's unittest, run by `outcomes.py`.

use crate::batch::Batch;
use crate::outcome::{Outcome, Outcomes};
use crate::run::Ended;
use std::path::{Path, PathBuf};

/// In the directory of the run.
const EVENTS: &str = "outcomes.tsv";

/// Batches beside each other: they only share what they read, and mostly wait.
pub const AT_ONCE: usize = 3;

/// The tests of `module`, by the interpreter `python`, after `setting`.
pub fn batch(python: &str, module: &str, setting: &str, left_out: &[(&str, &str)]) -> Batch {
    let patterns = left_out.iter().map(|(pattern, _)| *pattern);
    Batch::new(module, python)
        .arguments([runner().to_str().expect("a path in UTF-8"), EVENTS, setting])
        .arguments(patterns)
        .arguments(["--", module])
        // What the tests start imports its modules without writing beside them.
        .variable("PYTHONDONTWRITEBYTECODE", "1")
}

/// Reads what `outcomes.py` has written.
pub fn outcomes(ended: &Ended) -> Outcomes {
    let text = std::fs::read_to_string(ended.scratch().join(EVENTS)).unwrap_or_default();
    let mut outcomes = Outcomes::default();
    for (event, test) in text.lines().filter_map(|line| line.split_once('\t')) {
        outcomes.note(test, outcome(event));
    }
    outcomes
}

fn outcome(event: &str) -> Outcome {
    match event {
        "passed" => Outcome::Passed,
        "failed" => Outcome::Failed,
        "skipped" => Outcome::Skipped,
        _ => Outcome::Unfinished,
    }
}

fn runner() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/upstream/outcomes.py")
}

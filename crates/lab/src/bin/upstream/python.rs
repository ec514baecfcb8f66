//! Suites of Python's unittest, run by `outcomes.py`.

use crate::batch::Batch;
use crate::outcome::{TestOutcome, TestOutcomes};
use crate::run::FinishedBatch;
use std::collections::BTreeSet;
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

/// The classes that `tests` are in: modules take minutes, and what a test leaves to
/// the next it mostly leaves to those of its class. All of the batch, if one of the
/// names is not that of a test in a class that can be found.
pub fn again(batch: &Batch, tests: &[&str]) -> Batch {
    match tests.iter().map(|test| class(batch.name(), test)).collect::<Option<BTreeSet<_>>>() {
        Some(classes) => batch.clone().replaced_after("--", classes),
        None => batch.clone(),
    }
}

fn class(module: &str, test: &str) -> Option<String> {
    let (class, _) = test.strip_prefix(module)?.strip_prefix('.')?.split_once('.')?;
    (!test.contains('<')).then(|| format!("{module}.{class}"))
}

/// Reads what `outcomes.py` has written.
pub fn outcomes(ended: &FinishedBatch) -> TestOutcomes {
    let text = std::fs::read_to_string(ended.scratch().join(EVENTS)).unwrap_or_default();
    let mut outcomes = TestOutcomes::default();
    for (event, test) in text.lines().filter_map(|line| line.split_once('\t')) {
        outcomes.note(test, outcome(event));
    }
    outcomes
}

fn outcome(event: &str) -> TestOutcome {
    match event {
        "passed" => TestOutcome::Passed,
        "failed" => TestOutcome::Failed,
        "skipped" => TestOutcome::Skipped,
        _ => TestOutcome::Unfinished,
    }
}

fn runner() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/bin/upstream/outcomes.py")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_found_in_the_name_of_its_test() {
        assert_eq!(class("test.test_os", "test.test_os.Pipes.test_two").as_deref(), Some("test.test_os.Pipes"));
        assert_eq!(class("test.test_os", "setUpClass (test.test_os.Pipes)"), None);
        assert_eq!(class("test.test_os", "test.test_os.made.<locals>.Pipes.test_two"), None);
    }
}

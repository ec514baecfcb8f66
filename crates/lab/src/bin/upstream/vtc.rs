//! varnishtest: scripts (`.vtc`) of clients and servers around the program under test.

use crate::batch::Batch;
use crate::outcome::{TestOutcome, TestOutcomes};
use std::path::{Path, PathBuf};

/// Runs `files` of `source`, one after another.
pub fn batch(name: &str, source: &Path, files: &[PathBuf]) -> Batch {
    let files = files.iter().map(|file| file.strip_prefix(source).expect("a file of the source").display().to_string());
    Batch::new(name, "varnishtest").inside(source.to_owned()).arguments(["-k", "-t", "20"]).arguments(files)
}

/// Reads lines such as `#    top  TEST path passed (0.1)`.
pub fn outcomes(lines: &[String]) -> TestOutcomes {
    let mut outcomes = TestOutcomes::default();
    for (test, outcome) in lines.iter().filter_map(|line| read(line)) {
        outcomes.note(test, outcome);
    }
    outcomes
}

fn read(line: &str) -> Option<(&str, TestOutcome)> {
    let (test, verdict) = line.strip_prefix("#    top  TEST ")?.split_once(' ')?;
    let outcome = match verdict.split(' ').next()? {
        "passed" => TestOutcome::Passed,
        "skipped" => TestOutcome::Skipped,
        _ => TestOutcome::Failed,
    };
    Some((test, outcome))
}

/// Every script below `directory`.
pub fn scripts(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut found: Vec<_> = entries.flat_map(|path| if path.is_dir() { scripts(&path) } else { vec![path] }).collect();
    found.retain(|path| path.extension().is_some_and(|extension| extension == "vtc"));
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_read() {
        assert_eq!(read("#    top  TEST a/b.vtc passed (0.159)"), Some(("a/b.vtc", TestOutcome::Passed)));
        assert_eq!(read("#    top  TEST a/b.vtc FAILED (0.033) signal=6"), Some(("a/b.vtc", TestOutcome::Failed)));
        assert_eq!(read("*    top   TEST a/b.vtc starting"), None);
    }
}

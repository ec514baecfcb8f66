//! A suite of Python's unittest, described by the modules that it has. `outcomes.py` runs
//! them and writes down what became of each test.

use crate::batch::Batch;
use crate::debian;
use crate::outcome::{TestOutcome, TestOutcomes};
use crate::run::FinishedBatch;
use crate::suite::Suite;
use crate::workshop::Workshop;
use std::collections::BTreeSet;

/// The script that runs the tests.
const RUNNER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/src/bin/upstream/outcomes.py");

/// What the script writes, in the directory of the run.
const EVENTS: &str = "outcomes.tsv";

/// Where the interpreter and the tests come from.
pub enum Python {
    /// From Debian: the version of the suite is that of the package `tests`.
    Debian { interpreter: &'static str, packages: &'static [&'static str], tests: &'static str },
    /// From PyPI, into an environment of the suite's own, with what the tests import also.
    Wheel { name: &'static str, version: &'static str, also: &'static [&'static str] },
}

/// One suite. Each of its modules is a batch.
pub struct Unittest {
    pub name: &'static str,
    pub origin: &'static str,
    pub python: Python,
    /// Python code that is run before the tests.
    pub setting: &'static str,
    /// The package that all of the modules are in.
    pub package: &'static str,
    pub modules: &'static [&'static str],
    /// Patterns of tests that are not run, each with the reason.
    pub left_out: &'static [(&'static str, &'static str)],
}

impl Unittest {
    fn interpreter(&self, shop: &Workshop) -> String {
        match self.python {
            Python::Debian { interpreter, .. } => interpreter.to_owned(),
            Python::Wheel { .. } => shop.python(),
        }
    }

    fn batch(&self, module: &str, interpreter: &str) -> Batch {
        let module = format!("{}.{module}", self.package);
        Batch::new(&module, interpreter)
            .arguments([RUNNER, EVENTS, self.setting])
            .arguments(self.left_out.iter().map(|(pattern, _)| *pattern))
            .arguments(["--", &module])
            // What the tests start imports its modules without writing beside them.
            .variable("PYTHONDONTWRITEBYTECODE", "1")
    }
}

impl Suite for Unittest {
    fn name(&self) -> &'static str {
        self.name
    }

    fn origin(&self) -> &'static str {
        self.origin
    }

    fn get(&self, shop: &Workshop) -> Result<String, String> {
        match self.python {
            Python::Debian { packages, tests, .. } => {
                debian::need(packages, shop)?;
                debian::version(tests).ok_or_else(|| "dpkg knows no version of it".to_owned())
            }
            Python::Wheel { name, version, also } => {
                let wheel = format!("{name}=={version}");
                shop.python_with(&[&[&*wheel], also].concat())?;
                Ok(version.to_owned())
            }
        }
    }

    fn batches(&self, shop: &Workshop) -> Vec<Batch> {
        let interpreter = self.interpreter(shop);
        self.modules.iter().map(|module| self.batch(module, &interpreter)).collect()
    }

    /// Batches only share what they read, and mostly wait.
    fn at_once(&self) -> usize {
        3
    }

    fn outcomes(&self, _batch: &Batch, ended: &FinishedBatch) -> TestOutcomes {
        let text = std::fs::read_to_string(ended.scratch().join(EVENTS)).unwrap_or_default();
        let mut outcomes = TestOutcomes::default();
        for (event, test) in text.lines().filter_map(|line| line.split_once('\t')) {
            outcomes.note(test, outcome(event));
        }
        outcomes
    }

    /// Runs the classes that `tests` are in: modules take minutes, and a test mostly depends
    /// on the tests of its own class. If a name is not that of a test in a class, the whole
    /// batch runs.
    fn again(&self, batch: &Batch, tests: &[&str]) -> Batch {
        match tests.iter().map(|test| class(batch.name(), test)).collect::<Option<BTreeSet<_>>>() {
            Some(classes) => batch.clone().replaced_after("--", classes),
            None => batch.clone(),
        }
    }

    fn left_out(&self) -> &'static [(&'static str, &'static str)] {
        self.left_out
    }
}

fn class(module: &str, test: &str) -> Option<String> {
    let (class, _) = test.strip_prefix(module)?.strip_prefix('.')?.split_once('.')?;
    (!test.contains('<')).then(|| format!("{module}.{class}"))
}

fn outcome(event: &str) -> TestOutcome {
    match event {
        "passed" => TestOutcome::Passed,
        "failed" => TestOutcome::Failed,
        "skipped" => TestOutcome::Skipped,
        _ => TestOutcome::Unfinished,
    }
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

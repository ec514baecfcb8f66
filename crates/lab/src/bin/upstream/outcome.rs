//! What a test suite says of its tests.

use std::collections::BTreeMap;

/// What became of one test in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TestOutcome {
    Passed,
    Failed,
    Skipped,
    /// It was started, and nothing more was heard of it.
    Unfinished,
}

impl TestOutcome {
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unfinished => "did not end",
        }
    }
}

/// What became of all tests, by name. If a name comes twice, it is one test with two parts: if one
/// part failed, the test failed.
#[derive(Clone, Debug, Default)]
pub struct TestOutcomes(BTreeMap<String, TestOutcome>);

impl TestOutcomes {
    pub fn note(&mut self, test: &str, outcome: TestOutcome) {
        let entry = self.0.entry(test.to_owned()).or_insert(outcome);
        if *entry != TestOutcome::Failed {
            *entry = outcome;
        }
    }

    /// What became of `test`. `None` if nothing was heard of it.
    pub fn of(&self, test: &str) -> Option<TestOutcome> {
        self.0.get(test).copied()
    }

    pub fn passed(&self, test: &str) -> bool {
        self.of(test) == Some(TestOutcome::Passed)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, TestOutcome)> {
        self.0.iter().map(|(test, outcome)| (test.as_str(), *outcome))
    }

    pub fn count(&self, outcome: TestOutcome) -> usize {
        self.0.values().filter(|seen| **seen == outcome).count()
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn extend(&mut self, others: Self) {
        self.0.extend(others.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_stays() {
        let mut outcomes = TestOutcomes::default();
        for outcome in [TestOutcome::Unfinished, TestOutcome::Failed, TestOutcome::Passed] {
            outcomes.note("test", outcome);
        }
        assert_eq!(outcomes.of("test"), Some(TestOutcome::Failed));
    }

    #[test]
    fn an_end_takes_the_place_of_the_start() {
        let mut outcomes = TestOutcomes::default();
        outcomes.note("test", TestOutcome::Unfinished);
        outcomes.note("test", TestOutcome::Passed);
        assert!(outcomes.passed("test"));
        assert!(!outcomes.passed("another"));
    }
}

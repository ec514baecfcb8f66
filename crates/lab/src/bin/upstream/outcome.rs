//! What a test suite says of its tests.

use std::collections::BTreeMap;

/// Of one test, in one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    Failed,
    Skipped,
    /// It was started, and nothing more was heard of it.
    Unfinished,
}

impl Outcome {
    pub fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
            Self::Unfinished => "did not end",
        }
    }
}

/// By name. A name that is said twice is one test with two parts: a part that
/// failed is not mended by another that passed.
#[derive(Clone, Debug, Default)]
pub struct Outcomes(BTreeMap<String, Outcome>);

impl Outcomes {
    pub fn note(&mut self, test: &str, outcome: Outcome) {
        let entry = self.0.entry(test.to_owned()).or_insert(outcome);
        if *entry != Outcome::Failed {
            *entry = outcome;
        }
    }

    /// `None`: nothing was heard of it at all.
    pub fn of(&self, test: &str) -> Option<Outcome> {
        self.0.get(test).copied()
    }

    pub fn passed(&self, test: &str) -> bool {
        self.of(test) == Some(Outcome::Passed)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, Outcome)> {
        self.0.iter().map(|(test, outcome)| (test.as_str(), *outcome))
    }

    pub fn count(&self, outcome: Outcome) -> usize {
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
        let mut outcomes = Outcomes::default();
        for outcome in [Outcome::Unfinished, Outcome::Failed, Outcome::Passed] {
            outcomes.note("test", outcome);
        }
        assert_eq!(outcomes.of("test"), Some(Outcome::Failed));
    }

    #[test]
    fn an_end_takes_the_place_of_the_start() {
        let mut outcomes = Outcomes::default();
        outcomes.note("test", Outcome::Unfinished);
        outcomes.note("test", Outcome::Passed);
        assert!(outcomes.passed("test"));
        assert!(!outcomes.passed("another"));
    }
}

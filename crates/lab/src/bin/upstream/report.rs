//! What was found about one suite.

use crate::outcome::TestOutcomes;

/// The report about one suite.
pub struct SuiteReport {
    pub name: &'static str,
    pub origin: &'static str,
    pub left_out: &'static [(&'static str, &'static str)],
    /// What was found, or why the suite did not run.
    pub result: Result<Comparison, String>,
}

impl SuiteReport {
    /// Tests that the shim has broken, as (suite, test).
    pub fn unexpected(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let differences = self.result.iter().flat_map(|comparison| &comparison.found.differences);
        differences.filter(|found| found.verdict == Cause::Broken).map(|found| (self.name, found.test.as_str()))
    }
}

/// Both runs of a suite.
pub struct Comparison {
    pub version: String,
    pub found: BothRuns,
}

/// Both runs of a batch, or of all of them.
#[derive(Default)]
pub struct BothRuns {
    pub native: TestOutcomes,
    pub shimmed: TestOutcomes,
    pub differences: Vec<Difference>,
    /// Batches that were killed or crashed, either way.
    pub troubles: Vec<String>,
}

impl BothRuns {
    pub fn extend(&mut self, other: Self) {
        self.native.extend(other.native);
        self.shimmed.extend(other.shimmed);
        self.differences.extend(other.differences);
        self.troubles.extend(other.troubles);
    }
}

/// A test that passed natively and not shimmed.
pub struct Difference {
    pub test: String,
    pub shimmed: &'static str,
    pub tally: Option<Reruns>,
    pub verdict: Cause,
}

/// How often it passed when it was run again.
#[derive(Clone, Copy, Debug, Default)]
pub struct Reruns {
    pub native: u32,
    pub shimmed: u32,
}

/// Why a test passed natively and not shimmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// softclose does this by design, for this reason; `docs/limits.md` says so.
    ByDesign(&'static str),
    /// The test is unreliable: it fails without the shim too, or did not fail again.
    Flaky,
    Broken,
}

impl Cause {
    /// Judges a difference that is not known. If the test never fails without the shim, one failure
    /// with it is enough. If it does fail without, it must never pass with the shim.
    pub fn of(tally: Reruns, rounds: u32) -> Self {
        let fails_natively = tally.native < rounds;
        let suffices = if fails_natively { tally.shimmed == 0 && tally.native > 0 } else { tally.shimmed < rounds };
        if suffices { Self::Broken } else { Self::Flaky }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_never_fails_natively_must_not_fail_shimmed() {
        let of = |native, shimmed| Cause::of(Reruns { native, shimmed }, 5);
        assert_eq!(of(5, 4), Cause::Broken);
        assert_eq!(of(5, 5), Cause::Flaky);
    }

    #[test]
    fn a_test_that_fails_natively_too_must_pass_shimmed_at_times() {
        let of = |native, shimmed| Cause::of(Reruns { native, shimmed }, 5);
        assert_eq!(of(3, 2), Cause::Flaky);
        assert_eq!(of(3, 0), Cause::Broken);
        assert_eq!(of(0, 0), Cause::Flaky);
    }
}

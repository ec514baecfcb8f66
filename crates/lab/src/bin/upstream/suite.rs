//! What a suite is: how to get it, how to run it, how to read its results. The
//! next one is one file in `suites`, and a line in its `mod.rs`.

use crate::batch::Batch;
use crate::outcome::TestOutcomes;
use crate::run::FinishedBatch;
use crate::workshop::Workshop;

pub trait Suite: Sync {
    /// Its name, as in `make upstream SUITES="..."`.
    fn name(&self) -> &'static str;

    /// Where it comes from and what of it runs, for the page.
    fn origin(&self) -> &'static str;

    /// Downloads and builds it, unless it is there, and answers its version; or
    /// says why it cannot be had.
    fn get(&self, shop: &Workshop) -> Result<String, String>;

    /// The programs that run its tests.
    fn batches(&self, shop: &Workshop) -> Vec<Batch>;

    /// How many batches may run beside each other, each in a network namespace of
    /// its own: more than one if no two of them write to the same files.
    fn at_once(&self) -> usize {
        1
    }

    /// Reads the outcomes of a batch that has run.
    fn outcomes(&self, batch: &Batch, ended: &FinishedBatch) -> TestOutcomes;

    /// A batch that runs `tests` again. By default that is the whole batch, because a test may have
    /// failed for what ran before it. A suite says otherwise if that takes too long, or if every
    /// test has a process of its own.
    fn again(&self, batch: &Batch, _tests: &[&str]) -> Batch {
        batch.clone()
    }

    /// Tests that are not run, each with the reason.
    fn left_out(&self) -> &'static [(&'static str, &'static str)] {
        &[]
    }
}

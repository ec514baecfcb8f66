//! Runs a suite natively and shimmed, and judges the tests that passed only natively.

use crate::batch::Batch;
use crate::known;
use crate::outcome::{TestOutcome, TestOutcomes};
use crate::report::{BothRuns, Cause, Comparison, Difference, Reruns};
use crate::run::{run, word};
use crate::suite::Suite;
use crate::workshop::Workshop;
use shim_tests::arena::Arena;
use shim_tests::shim::Shim;
use std::collections::BTreeMap;
use std::sync::Mutex;

/// How often a test that differed is run again, each way.
pub const ROUNDS: u32 = 5;

/// Runs all of `suite` both ways, or says why it cannot be run.
pub fn both_ways(suite: &dyn Suite, shop: &Workshop) -> Result<Comparison, String> {
    let version = suite.get(shop)?;
    let all = Mutex::new(BothRuns::default());
    let batches = suite.batches(shop);
    let queue = Mutex::new(batches.iter());
    let benches = (0..suite.at_once()).map(|_| Bench::open(suite, shop)).collect::<Result<Vec<_>, _>>()?;
    std::thread::scope(|scope| {
        for bench in benches {
            scope.spawn(|| bench.work(&queue, &all));
        }
    });
    let found = all.into_inner().expect("all workers are done");
    shop.table(&found.native, &found.shimmed);
    Ok(Comparison { version, found })
}

/// An arena in which batches run, one after another.
struct Bench<'a> {
    suite: &'a dyn Suite,
    shop: &'a Workshop,
    arena: Arena,
}

impl<'a> Bench<'a> {
    fn open(suite: &'a dyn Suite, shop: &'a Workshop) -> Result<Self, String> {
        let arena = Arena::open()?;
        arena.use_usual_buffers();
        Ok(Self { suite, shop, arena })
    }

    fn work(self, queue: &Mutex<std::slice::Iter<Batch>>, all: &Mutex<BothRuns>) {
        loop {
            let next = queue.lock().expect("no worker panics with the queue").next();
            let Some(batch) = next else { break };
            let found = self.compare(batch);
            all.lock().expect("no worker panics with the results").extend(found);
        }
    }

    fn compare(&self, batch: &Batch) -> BothRuns {
        let mut troubles = Vec::new();
        let [native, shimmed] = Shim::BOTH.map(|shim| self.outcomes(batch, shim, &mut troubles));
        let count = |outcomes: &TestOutcomes| outcomes.count(TestOutcome::Passed);
        println!("{}: {}: {} passed, {} shimmed", self.suite.name(), batch.name(), count(&native), count(&shimmed));
        let differing =
            native.iter().filter(|(test, outcome)| *outcome == TestOutcome::Passed && !shimmed.passed(test));
        let differing: Vec<_> = differing.map(|(test, _)| test).collect();
        let differences = self.judge(batch, &differing, &shimmed);
        BothRuns { native, shimmed, differences, troubles }
    }

    fn outcomes(&self, batch: &Batch, shim: Shim, troubles: &mut Vec<String>) -> TestOutcomes {
        let ended = run(batch, shim, &self.arena, self.shop);
        troubles.extend(ended.trouble().map(|trouble| format!("{} ({}) {trouble}", batch.name(), word(shim))));
        self.suite.outcomes(batch, &ended)
    }

    fn judge(&self, batch: &Batch, differing: &[&str], shimmed: &TestOutcomes) -> Vec<Difference> {
        let reason = |test: &str| known::reason(self.suite.name(), test);
        let unknown: Vec<_> = differing.iter().copied().filter(|test| reason(test).is_none()).collect();
        let tallies = self.run_again(batch, &unknown);
        let judged = |test: &&str| {
            let tally = tallies.get(test).copied();
            let verdict = reason(test).map_or_else(|| Cause::of(tally.unwrap_or_default(), ROUNDS), Cause::ByDesign);
            let shimmed = shimmed.of(test).map_or("nothing heard", TestOutcome::word);
            Difference { test: (*test).to_owned(), shimmed, tally, verdict }
        };
        differing.iter().map(judged).collect()
    }

    /// Runs `tests` again, natively and shimmed in turn, so that both have the same neighbours on a
    /// busy machine.
    fn run_again<'t>(&self, batch: &Batch, tests: &[&'t str]) -> BTreeMap<&'t str, Reruns> {
        let mut tallies: BTreeMap<_, _> = tests.iter().map(|test| (*test, Reruns::default())).collect();
        if tests.is_empty() {
            return tallies;
        }
        let again = self.suite.again(batch, tests).run_again();
        for _ in 0..ROUNDS {
            let [native, shimmed] = Shim::BOTH.map(|shim| self.outcomes(&again, shim, &mut Vec::new()));
            for (test, tally) in &mut tallies {
                tally.native += u32::from(native.passed(test));
                tally.shimmed += u32::from(shimmed.passed(test));
            }
        }
        println!("{}: {}: passed of {ROUNDS} more: {tallies:?}", self.suite.name(), batch.name());
        tallies
    }
}

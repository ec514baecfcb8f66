//! A suite, natively and shimmed, and what became of the tests that passed natively.

use crate::batch::Batch;
use crate::known;
use crate::outcome::{Outcome, Outcomes};
use crate::report::{Comparison, Difference, Found, Tally, Verdict};
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
    let all = Mutex::new(Found::default());
    let batches = suite.batches(shop);
    let queue = Mutex::new(batches.iter());
    let places = (0..suite.at_once()).map(|_| Place::open(suite, shop)).collect::<Result<Vec<_>, _>>()?;
    std::thread::scope(|scope| {
        for place in places {
            scope.spawn(|| place.work(&queue, &all));
        }
    });
    let found = all.into_inner().expect("all workers are done");
    shop.table(&found.native, &found.shimmed);
    Ok(Comparison { version, found })
}

/// Where batches run, one after another.
struct Place<'a> {
    suite: &'a dyn Suite,
    shop: &'a Workshop,
    arena: Arena,
}

impl<'a> Place<'a> {
    fn open(suite: &'a dyn Suite, shop: &'a Workshop) -> Result<Self, String> {
        let arena = Arena::open()?;
        arena.use_usual_buffers();
        Ok(Self { suite, shop, arena })
    }

    fn work(self, queue: &Mutex<std::slice::Iter<Batch>>, all: &Mutex<Found>) {
        loop {
            let next = queue.lock().expect("no worker panics with the queue").next();
            let Some(batch) = next else { break };
            let found = self.compare(batch);
            all.lock().expect("no worker panics with the results").extend(found);
        }
    }

    fn compare(&self, batch: &Batch) -> Found {
        let mut troubles = Vec::new();
        let [native, shimmed] = Shim::BOTH.map(|shim| self.outcomes(batch, shim, &mut troubles));
        let count = |outcomes: &Outcomes| outcomes.count(Outcome::Passed);
        println!("{}: {}: {} passed, {} shimmed", self.suite.name(), batch.name(), count(&native), count(&shimmed));
        let differing = native.iter().filter(|(test, outcome)| *outcome == Outcome::Passed && !shimmed.passed(test));
        let differing: Vec<_> = differing.map(|(test, _)| test).collect();
        let differences = self.judge(batch, &differing, &shimmed);
        Found { native, shimmed, differences, troubles }
    }

    fn outcomes(&self, batch: &Batch, shim: Shim, troubles: &mut Vec<String>) -> Outcomes {
        let ended = run(batch, shim, &self.arena, self.shop);
        troubles.extend(ended.trouble().map(|trouble| format!("{} ({}) {trouble}", batch.name(), word(shim))));
        self.suite.outcomes(batch, &ended)
    }

    fn judge(&self, batch: &Batch, differing: &[&str], shimmed: &Outcomes) -> Vec<Difference> {
        let reason = |test: &str| known::reason(self.suite.name(), test);
        let unknown: Vec<_> = differing.iter().copied().filter(|test| reason(test).is_none()).collect();
        let tallies = self.run_again(batch, &unknown);
        let judged = |test: &&str| {
            let tally = tallies.get(test).copied();
            let verdict =
                reason(test).map_or_else(|| Verdict::of(tally.unwrap_or_default(), ROUNDS), Verdict::ByDesign);
            let shimmed = shimmed.of(test).map_or("nothing heard", Outcome::word);
            Difference { test: (*test).to_owned(), shimmed, tally, verdict }
        };
        differing.iter().map(judged).collect()
    }

    /// In turn, so that both ways have the same neighbours on a busy machine.
    fn run_again<'t>(&self, batch: &Batch, tests: &[&'t str]) -> BTreeMap<&'t str, Tally> {
        let mut tallies: BTreeMap<_, _> = tests.iter().map(|test| (*test, Tally::default())).collect();
        if tests.is_empty() {
            return tallies;
        }
        let again = self.suite.again(batch, tests).named(format!("{}.again", batch.name()));
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

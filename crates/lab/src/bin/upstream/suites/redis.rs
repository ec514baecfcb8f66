//! redis: a server that forks with every connection open, restarts, fails over and replicates.

use crate::batch::Batch;
use crate::debian;
use crate::outcome::{TestOutcome, TestOutcomes};
use crate::run::FinishedBatch;
use crate::suite::Suite;
use crate::workshop::Workshop;

pub struct Redis;

/// The units about connections, processes and restarts. Those about data types make no system calls
/// that matter here.
const UNITS: [&str; 25] = [
    "unit/acl",
    "unit/aofrw",
    "unit/auth",
    "unit/client-eviction",
    "unit/introspection",
    "unit/limits",
    "unit/networking",
    "unit/obuf-limits",
    "unit/other",
    "unit/pause",
    "unit/protocol",
    "unit/pubsub",
    "unit/quit",
    "unit/replybufsize",
    "unit/shutdown",
    "unit/tracking",
    "unit/wait",
    "integration/aof",
    "integration/block-repl",
    "integration/failover",
    "integration/logging",
    "integration/rdb",
    "integration/redis-cli",
    "integration/replication-4",
    "integration/shutdown",
];

impl Suite for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn origin(&self) -> &'static str {
        "Debian's source package `redis`, the units of `./runtest` about connections, children, restart and replication"
    }

    fn get(&self, shop: &Workshop) -> Result<String, String> {
        debian::need(&["make", "tcl"], shop)?;
        let version = debian::source("redis", shop)?;
        shop.make("build", &shop.source(), "make -j2 MALLOC=libc")?;
        Ok(version)
    }

    fn batches(&self, shop: &Workshop) -> Vec<Batch> {
        let batch = |unit| {
            let batch = Batch::new(unit, "./runtest").inside(shop.source());
            batch.arguments(["--durable", "--clients", "1", "--single", unit, "--tags", "-slow"])
        };
        UNITS.map(batch).to_vec()
    }

    fn outcomes(&self, batch: &Batch, ended: &FinishedBatch) -> TestOutcomes {
        let mut outcomes = TestOutcomes::default();
        for (test, outcome) in ended.parting.stdout.iter().filter_map(|line| read(line)) {
            outcomes.note(&format!("{}: {test}", batch.first_name()), outcome);
        }
        outcomes
    }
}

/// Reads a coloured line: `[ok]: name (12 ms)`, or `[err]: name in file`.
fn read(line: &str) -> Option<(String, TestOutcome)> {
    let line = without_colours(line);
    let (verdict, test) = line.strip_prefix('[')?.split_once("]: ")?;
    let outcome = match verdict {
        "ok" => TestOutcome::Passed,
        "err" | "exception" | "timeout" => TestOutcome::Failed,
        "skip" | "ignore" => TestOutcome::Skipped,
        _ => return None,
    };
    let end = if outcome == TestOutcome::Passed { " (" } else { " in tests/" };
    Some((test.rsplit_once(end).map_or(test, |(name, _)| name).to_owned(), outcome))
}

/// The line without its colours, which are `ESC [ ... m`.
fn without_colours(line: &str) -> String {
    let mut pieces = line.split('\u{1b}');
    let first = pieces.next().unwrap_or_default().to_owned();
    let rest = pieces.map(|piece| piece.split_once('m').map_or(piece, |(_, text)| text));
    rest.fold(first, |line, piece| line + piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_tests_are_read_and_others_are_not() {
        let passed = read("[\u{1b}[0;32;49mok\u{1b}[0m]: CONFIG SET port (a number) (229 ms)");
        assert_eq!(passed, Some(("CONFIG SET port (a number)".to_owned(), TestOutcome::Passed)));
        let failed = read("[\u{1b}[0;31;49merr\u{1b}[0m]: QUIT in tests/unit/quit.tcl");
        assert_eq!(failed, Some(("QUIT".to_owned(), TestOutcome::Failed)));
        assert_eq!(read("[1/3 \u{1b}[0;33;49mdone\u{1b}[0m]: unit/shutdown (1 seconds)"), None);
    }
}

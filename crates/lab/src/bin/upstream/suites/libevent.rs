//! libevent: its regress, in a process for each test, over epoll and over poll.

use crate::batch::Batch;
use crate::debian;
use crate::outcome::{TestOutcome, TestOutcomes};
use crate::run::FinishedBatch;
use crate::suite::Suite;
use crate::workshop::Workshop;

pub struct Libevent;

const BUILD: &str = "autoreconf -fi\n./configure --disable-shared --disable-openssl --disable-samples\nmake -j2";

impl Suite for Libevent {
    fn name(&self) -> &'static str {
        "libevent"
    }

    fn origin(&self) -> &'static str {
        "Debian's source package `libevent`, all of `test/regress`, static, without TLS, over epoll and over poll"
    }

    fn get(&self, shop: &Workshop) -> Result<String, String> {
        debian::need(&["autoconf", "automake", "libtool", "make"], shop)?;
        let version = debian::source("libevent", shop)?;
        shop.make("build", &shop.source(), BUILD)?;
        Ok(version)
    }

    fn batches(&self, shop: &Workshop) -> Vec<Batch> {
        let program = shop.source().join("test/regress").display().to_string();
        let epoll = Batch::new("epoll", program).inside(shop.source().join("test"));
        vec![epoll.clone(), epoll.named("poll".to_owned()).variable("EVENT_NOEPOLL", "1")]
    }

    fn outcomes(&self, batch: &Batch, ended: &FinishedBatch) -> TestOutcomes {
        let mut outcomes = TestOutcomes::default();
        for (test, outcome) in read(&ended.parting.stdout) {
            outcomes.note(&format!("{}: {test}", batch.first_name()), outcome);
        }
        outcomes
    }

    fn again(&self, batch: &Batch, tests: &[&str]) -> Batch {
        batch.clone().arguments(tests.iter().filter_map(|test| test.split(": ").nth(1)))
    }
}

/// Reads lines such as `group/test: [forking] OK`. For a test that fails, `  [test FAILED]` comes
/// after its complaints.
fn read(lines: &[String]) -> Vec<(&str, TestOutcome)> {
    let mut tests: Vec<(&str, TestOutcome)> = Vec::new();
    for line in lines {
        let (name, rest) = line.split_once(": ").unwrap_or(("", line));
        if name.contains('/') && !name.contains(' ') {
            tests.push((name, TestOutcome::Unfinished));
        }
        if let (Some((_, current)), Some(outcome)) = (tests.last_mut(), verdict(rest.trim_end())) {
            *current = outcome;
        }
    }
    tests
}

fn verdict(rest: &str) -> Option<TestOutcome> {
    match rest.rsplit(' ').next()? {
        "OK" => Some(TestOutcome::Passed),
        "SKIPPED" | "DISABLED" => Some(TestOutcome::Skipped),
        "FAILED]" => Some(TestOutcome::Failed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_regress_prints_is_read() {
        let lines =
            ["main/a: OK", "http/b: [forking] SKIPPED", "bev/c: [forking] ", "  FAIL x.c:1: no", "  [c FAILED]"];
        let lines = lines.map(str::to_owned);
        let expected =
            [("main/a", TestOutcome::Passed), ("http/b", TestOutcome::Skipped), ("bev/c", TestOutcome::Failed)];
        assert_eq!(read(&lines), expected);
    }
}

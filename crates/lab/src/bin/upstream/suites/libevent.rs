//! libevent: its regress, in a process for each test, over epoll and over poll.

use crate::batch::Batch;
use crate::debian;
use crate::outcome::{Outcome, Outcomes};
use crate::run::Ended;
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

    fn outcomes(&self, batch: &Batch, ended: &Ended) -> Outcomes {
        let mut outcomes = Outcomes::default();
        for (test, outcome) in read(&ended.parting.stdout) {
            outcomes.note(&format!("{}: {test}", batch.name().trim_end_matches(".again")), outcome);
        }
        outcomes
    }

    fn again(&self, batch: &Batch, tests: &[&str]) -> Batch {
        batch.clone().arguments(tests.iter().filter_map(|test| test.split(": ").nth(1)))
    }
}

/// Lines `group/test: [forking] OK`; of one that fails, `  [test FAILED]` comes
/// after its complaints.
fn read(lines: &[String]) -> Vec<(&str, Outcome)> {
    let mut tests: Vec<(&str, Outcome)> = Vec::new();
    for line in lines {
        let (name, rest) = line.split_once(": ").unwrap_or(("", line));
        if name.contains('/') && !name.contains(' ') {
            tests.push((name, Outcome::Unfinished));
        }
        if let (Some((_, current)), Some(outcome)) = (tests.last_mut(), verdict(rest.trim_end())) {
            *current = outcome;
        }
    }
    tests
}

fn verdict(rest: &str) -> Option<Outcome> {
    match rest.rsplit(' ').next()? {
        "OK" => Some(Outcome::Passed),
        "SKIPPED" | "DISABLED" => Some(Outcome::Skipped),
        "FAILED]" => Some(Outcome::Failed),
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
        let expected = [("main/a", Outcome::Passed), ("http/b", Outcome::Skipped), ("bev/c", Outcome::Failed)];
        assert_eq!(read(&lines), expected);
    }
}

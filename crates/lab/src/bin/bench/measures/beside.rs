//! Measure 12: a close where there is much beside it.

use crate::measure::Measure;
use crate::measurement::{Figure, Goal, Measurement, Table};
use crate::number::number;
use crate::ratio::{Rounds, Spread, alternate, arm, differences, figures, ratios};
use crate::testbed::{Testbed, open_files, result};
use shim_tests::program::Program;
use shim_tests::shim::Shim;
use shim_tests::victim::Victim;

/// Closes in a run.
const CLOSES: usize = 400;

/// Closes beside a crowd: a quarter of a second each would be too long for more.
const CLOSES_IN_CROWD: usize = 40;

/// Processes beside a server, and descriptors of each.
const CROWD: [usize; 2] = [300, 150];

/// What is beside the close.
struct Surroundings {
    /// As `bench_beside` knows them.
    word: &'static str,
    /// For the page.
    words: &'static str,
    /// Connections that stay open.
    open: usize,
    /// With a crowd of processes.
    crowded: bool,
}

impl Surroundings {
    fn closes(&self) -> usize {
        if self.crowded { CLOSES_IN_CROWD } else { CLOSES }
    }
}

const fn beside(word: &'static str, words: &'static str, open: usize, crowded: bool) -> Surroundings {
    Surroundings { word, words, open, crowded }
}

const ALL: [Surroundings; 6] = [
    beside("alone", "alone", 0, false),
    beside("spawn", "after a spawn", 0, false),
    beside("spawn", "after a spawn, beside 300 processes", 0, true),
    beside("sets", "beside 24 epoll sets, 10,000 connections", 10_000, false),
    beside("prefork", "in the 4th of 4 workers, 2,000 connections each", 8000, false),
    beside("threads", "beside 1,000 threads", 0, false),
];

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "beside",
    title: "A close with much beside it",
    about: "A server accepts, answers and closes 400 connections, one after the other, half of them after one and a half seconds of quiet. \
Their peers stay silent. The server reads the clock before and after each `close`. What is beside the close: *alone*: nothing. *after a \
spawn*: a child has come and gone while the connections were open (`system(\"true\")`). *beside 300 processes*: the same, and 300 other \
processes have 150 descriptors each (40 closes). *24 epoll sets*: 24 epoll sets watch 10,000 idle connections, and each connection that \
is closed. *4th of 4 workers*: three other workers have the same listener, and each of the four has 2,000 idle connections in an epoll \
set of its own. *1,000 threads*: 1,000 threads sleep, and the answer is larger than the peer has room for. Each run starts the server \
anew.",
    run,
};

/// Nanoseconds of one run.
#[derive(Clone, Copy, Debug)]
struct Run {
    /// The median.
    p50: f64,
    /// The 99th percentile.
    p99: f64,
    /// The slowest.
    slowest: f64,
}

fn run(rounds: usize) -> Result<Measurement, String> {
    let needed =
        ALL.iter().map(|surroundings| surroundings.open + surroundings.closes()).max().unwrap_or(0) as u64 + 1000;
    if open_files() < needed {
        return Err(format!("a program may have {} descriptors, and {needed} are needed", open_files()));
    }
    let testbed = Testbed::open()?;
    let mut measurement = Measurement::default();
    let head = ["", "p50", "p99", "slowest", "p50, bare", "p99, bare", "slowest, bare"];
    let mut table = Table::new("Microseconds, medians of the rounds.", &head);
    for surroundings in &ALL {
        let arms = Shim::BOTH.map(|shim| {
            let testbed = &testbed;
            arm(move || close(testbed, surroundings, shim))
        });
        let found = alternate(rounds, arms.into());
        measurement.figures.extend(compare(surroundings.words, &found));
        table.row([surroundings.words.to_owned()].into_iter().chain(columns(&found)));
    }
    measurement.tables.push(table);
    Ok(measurement)
}

/// Compares the arms. What must be reached: a close costs little more than natively, and none is late.
fn compare(words: &str, found: &Rounds<Run>) -> [Figure; 3] {
    let of = |arm: usize, figure: fn(&Run) -> f64| figures(&found[arm], figure);
    let bare = |points: &[f64]| format!("{} µs", number(Spread::of(points).median / 1e3));
    let ratio = |name: &str, figure: fn(&Run) -> f64| {
        let (before, after) = (of(0, figure), of(1, figure));
        let what = format!("`close` {words}: {name}");
        Figure::ratio(what, bare(&before), ratios(&after, &before))
    };
    let p50 = ratio("p50", |run| run.p50).must(Goal::AtMost(1.2)).aims_at(Goal::AtMost(1.05));
    let p99 = ratio("p99", |run| run.p99).aims_at(Goal::AtMost(1.2));
    let [before, after] = [0, 1].map(|arm| of(arm, |run| run.slowest));
    let later = differences(&after, &before).iter().map(|nanoseconds| nanoseconds / 1e6).collect();
    let slowest = Figure::of(format!("`close` {words}: the slowest, later by"), bare(&before), "ms", later);
    [p50, p99, slowest.must(Goal::AtMost(2.0))]
}

fn columns(found: &Rounds<Run>) -> impl Iterator<Item = String> {
    let parts: [fn(&Run) -> f64; 3] = [|run| run.p50, |run| run.p99, |run| run.slowest];
    let all = [1, 0].into_iter().flat_map(move |arm: usize| parts.map(|part| figures(&found[arm], part)));
    all.map(|points| number(Spread::of(&points).median / 1e3))
}

fn close(testbed: &Testbed, surroundings: &Surroundings, shim: Shim) -> Run {
    let _crowd = surroundings.crowded.then(|| crowd(testbed));
    let victim = Victim::c("bench_beside").arg(surroundings.word).arg(surroundings.open.to_string());
    let mut server = testbed.server(&victim.arg(surroundings.closes().to_string()), shim);
    let port = server.port();
    let _peers = testbed.idle(port, surroundings.open + surroundings.closes(), None);
    let said = result(&mut server);
    Run { p50: said[0], p99: said[1], slowest: said[2] }
}

fn crowd(testbed: &Testbed) -> Program {
    let [processes, descriptors] = CROWD.map(|count| count.to_string());
    let mut crowd = testbed.client(&Victim::c("bench_crowd").arg(processes).arg(descriptors));
    crowd.expect("there");
    crowd
}

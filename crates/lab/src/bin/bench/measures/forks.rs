//! Measure 4: a process for each connection.

use crate::measure::{Measure, both_absolutes, median};
use crate::measurement::{Figure, Goal, Measurement};
use crate::ratio::{ratios, without_and_with};
use crate::testbed::{Testbed, result};
use shim_tests::shim::Shim;
use shim_tests::victim::Victim;

/// Children that live already.
const LIVE: [usize; 3] = [0, 100, 500];

/// Length of a run.
const MILLISECONDS: u64 = 1000;

/// Connections at once.
const AT_ONCE: usize = 4;

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "forks",
    title: "A process for each connection",
    about: "A server forks for each connection. The parent closes its copy; the child answers with 1 KiB, closes and ends. Other children \
live already, each with an idle connection of its own; their number is in the name of the figure. Each run starts the server anew. Its \
client has four connections at once, for one second.",
    run,
};

fn run(rounds: usize) -> Result<Measurement, String> {
    let testbed = Testbed::open()?;
    let mut measurement = Measurement::default();
    for live in LIVE {
        let found = without_and_with(rounds, |shim| rate(&testbed, live, shim));
        let what = format!("fork per connection, {live} live children: connections/s");
        let figure = Figure::ratio(what, median(&found[0], "/s"), ratios(&found[1], &found[0]));
        measurement.figures.push(figure.must(Goal::AtLeast(0.85)).aims_at(Goal::AtLeast(0.93)));
        let title = format!("Connections per second, {live} live children.");
        measurement.tables.push(both_absolutes(&title, &found));
    }
    Ok(measurement)
}

fn rate(testbed: &Testbed, live: usize, shim: Shim) -> f64 {
    let mut server = testbed.server(&Victim::c("bench_forks"), shim);
    let port = server.port();
    let _idle = testbed.idle(port, live, Some('H'));
    let driver = Victim::c("bench_driver").arg(port.to_string()).arg(AT_ONCE.to_string()).arg("0");
    let said = result(&mut testbed.client(&driver.arg(MILLISECONDS.to_string()).arg("1000")));
    said[0] / said[2] * 1e9
}

//! Measure 10: whether a close costs more where more connections are open.

use super::{drains, latency};
use crate::measure::Measure;
use crate::measurement::{Figure, Goal, Measurement, Table};
use crate::nginx::{Nginx, load};
use crate::number::number;
use crate::ratio::{Rounds, Spread, alternate, arm, ratios};
use crate::testbed::{Testbed, open_files};
use shim_tests::installed::find;
use shim_tests::shim::Shim;

/// Connections that are open and idle meanwhile; the others are compared with the first.
const OPEN: [usize; 4] = [10, 100, 1000, 10_000];

/// What counts as flat: at most a fifth more.
const FLAT: Goal = Goal::AtMost(1.2);

/// Length of a run of wrk.
const SECONDS: u64 = 1;

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "growth",
    title: "A close with 10 to 10,000 connections open",
    about: "`nginx`, `latency` and `drains` again, in servers that have many idle connections open; their number is in the name of the \
figure. It measures the processor time of a request, the median of `close` in a program with threads, and the processor time of a close \
and its drain. A figure is the cost with softclose, as a ratio to the cost with softclose and 10 connections open. *bare* is the same \
ratio without softclose, where the tables of the kernel and of the program grow too. All eight servers take turns.",
    run,
};

/// Bare and shimmed for each number of open connections.
fn combinations() -> impl Iterator<Item = (usize, Shim)> {
    OPEN.into_iter().flat_map(|open| Shim::BOTH.map(|shim| (open, shim)))
}

fn run(rounds: usize) -> Result<Measurement, String> {
    let needed = OPEN[OPEN.len() - 1] as u64 + 4096;
    if open_files() < needed {
        return Err(format!("a program may have {} descriptors, and {needed} are needed", open_files()));
    }
    let mut measurement = Measurement::default();
    match of_nginx(rounds) {
        Ok(found) => add(&mut measurement, "nginx: CPU per request", &found),
        Err(reason) => println!("  skipped: growth, nginx: {reason}"),
    }
    add(&mut measurement, "`close` in a program with threads: p50", &of_latency(rounds)?);
    add(&mut measurement, "CPU of a close and its drain", &of_drains(rounds)?);
    Ok(measurement)
}

fn of_nginx(rounds: usize) -> Result<Rounds<f64>, String> {
    find("wrk").ok_or("no wrk")?;
    let testbed = Testbed::open()?;
    let servers = (8081..).zip(combinations()).map(|(port, (open, shim))| {
        let server = Nginx::start(&testbed, port, "off", shim, &[])?;
        let idle = testbed.idle(port, open, None);
        Ok((server, idle))
    });
    let servers = servers.collect::<Result<Vec<_>, String>>()?;
    let arms = servers.iter().map(|(server, _)| arm(|| load(&testbed, server, SECONDS).cpu));
    Ok(alternate(rounds, arms.collect()))
}

fn of_latency(rounds: usize) -> Result<Rounds<f64>, String> {
    let testbed = Testbed::open()?;
    let mut servers: Vec<_> = combinations().map(|(open, shim)| latency::Server::start(&testbed, shim, open)).collect();
    let testbed = &testbed;
    Ok(alternate(rounds, servers.iter_mut().map(|server| arm(move || server.median(testbed))).collect()))
}

fn of_drains(rounds: usize) -> Result<Rounds<f64>, String> {
    let testbed = Testbed::open()?;
    let mut servers: Vec<_> =
        combinations().map(|(open, shim)| drains::Server::start(&testbed, shim, 1, open)).collect();
    Ok(alternate(rounds, servers.iter_mut().map(|server| arm(|| server.cost())).collect()))
}

fn add(measurement: &mut Measurement, what: &str, found: &Rounds<f64>) {
    let mut table = Table::new(format!("{what}: medians."), &["open", "bare", "with softclose"]);
    for (at, open) in OPEN.into_iter().enumerate() {
        let [bare, with] = [2 * at, 2 * at + 1];
        let median = |arm: usize| number(Spread::of(&found[arm]).median);
        table.row([open.to_string(), median(bare), median(with)]);
        if at > 0 {
            let bare = number(Spread::of(&ratios(&found[bare], &found[0])).median);
            let figure = Figure::ratio(format!("{what}, {open} open"), bare, ratios(&found[with], &found[1]));
            measurement.figures.push(figure.must(FLAT));
        }
    }
    measurement.tables.push(table);
}

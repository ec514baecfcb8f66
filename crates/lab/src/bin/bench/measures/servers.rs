//! Real servers, as clients see them.

use crate::clients::{Client, redis, talk, wrk};
use crate::measure::{Measure, median};
use crate::measurement::{Figure, Goal, Measurement, Table};
use crate::number::number;
use crate::ratio::{Rounds, Spread, figures, ratios};
use crate::real::{Run, Skipped, rows, without_and_with};
use softclose_lab::compat::row::Row;

/// A row of the matrix, who loads it with a connection for each request, and who on connections that
/// are kept.
type Server = (&'static str, Client, Option<Client>);

const fn http(name: &'static str) -> Server {
    (name, wrk::ONE_EACH, Some(wrk::KEPT))
}

const SERVERS: [Server; 14] = [
    http("node"),
    http("node-cluster"),
    http("uvicorn-uvloop"),
    http("uvicorn"),
    // It closes after each answer.
    ("gunicorn", wrk::ONE_EACH, None),
    http("tornado"),
    http("puma"),
    http("java-netty"),
    ("php-fpm", talk::FAST_CGI, Some(talk::FAST_CGI_KEPT)),
    http("apache-event"),
    http("lighttpd"),
    http("haproxy"),
    ("redis", redis::ONE_EACH, Some(redis::KEPT)),
    ("memcached", talk::MEMCACHED_QUIT, Some(talk::MEMCACHED_KEPT)),
];

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "servers",
    title: "Real servers",
    about: "The servers are those of [the matrix](compatibility.md), with the same configurations and the default settings of \
softclose. Clients load one arm after the other for about a second, and three times before the first round: first with a connection for \
each request, then on connections that are kept (*keep-alive*). gunicorn's sync workers close after each answer, so they have no second \
figure. The clients are `wrk` with 64 connections, `redis-benchmark` with 50, and for memcached and PHP-FPM a C program with 64, or 4 that \
PHP-FPM keeps. *p99* is what the client waited for the slowest hundredth of the answers. *CPU per request* is the processor time of all \
processes and threads of the server until it holds no connection any more, divided by the requests. HAProxy runs in front of a bare nginx, \
which has the clients' processor.",
    run,
};

const HEAD: [&str; 9] = [
    "",
    "requests/s, bare",
    "with softclose",
    "p99 in µs, bare",
    "with softclose",
    "CPU per request in µs, bare",
    "with softclose",
    "ratio",
    "errors, bare and with softclose",
];

fn run(rounds: usize) -> Result<Measurement, String> {
    let mut measurement = Measurement::default();
    let mut table = Table::new("Medians. The ratio is that of the processor time.", &HEAD);
    let mut skipped = Skipped::new();
    for (row, server) in rows(&SERVERS.map(|(name, ..)| name))?.iter().zip(SERVERS) {
        for (name, client) in ways(row, server) {
            if let Some(found) = skipped.unless_found(&name, without_and_with(rounds, row, client)) {
                measurement.figures.extend(compare(&name, &found));
                table.row([name].into_iter().chain(columns(&found)));
            }
        }
    }
    measurement.tables = [Some(table), skipped.table()].into_iter().flatten().collect();
    Ok(measurement)
}

fn ways(row: &Row, (_, each, kept): Server) -> impl Iterator<Item = (String, Client)> {
    let named = |how: &str| format!("{}, {how}", row.title);
    [(named("a connection for each request"), Some(each)), (named("keep-alive"), kept)]
        .into_iter()
        .filter_map(|(name, client)| Some((name, client?)))
}

fn compare(name: &str, found: &Rounds<Run>) -> [Figure; 2] {
    let figure = |what: &str, unit, part: fn(&Run) -> f64| {
        let [bare, with] = of_both(found, part);
        Figure::ratio(format!("{name}: {what}"), median(&bare, unit), ratios(&with, &bare))
    };
    [
        figure("requests/s", "/s", |run| run.rate).must(Goal::AtLeast(0.95)).aims_at(Goal::AtLeast(0.98)),
        figure("p99", "µs", p99).must(Goal::AtMost(1.3)),
    ]
}

fn p99(run: &Run) -> f64 {
    run.p99.expect("every client here counts it")
}

fn of_both(found: &Rounds<Run>, part: fn(&Run) -> f64) -> [Vec<f64>; 2] {
    [0, 1].map(|arm: usize| figures(&found[arm], part))
}

fn columns(found: &Rounds<Run>) -> Vec<String> {
    let middle = |points: Vec<f64>| number(Spread::of(&points).median);
    let parts: [fn(&Run) -> f64; 3] = [|run| run.rate, p99, |run| run.cpu];
    let mut cells: Vec<_> = parts.into_iter().flat_map(|part| of_both(found, part).map(middle)).collect();
    let [bare, with] = of_both(found, |run| run.cpu);
    cells.push(middle(ratios(&with, &bare)));
    cells.push(of_both(found, |run| run.errors).map(middle).join(" and "));
    cells
}

//! Real servers, as clients see them.

use crate::clients::{Client, redis, talk, wrk};
use crate::measure::{Measure, median};
use crate::measurement::{Figure, Goal, Measurement, Table};
use crate::number::number;
use crate::ratio::{Rounds, Spread, figures, ratios};
use crate::real::{Run, rows, without_and_with};
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
    http("java-httpserver"),
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
    about: "The servers are those of [the matrix](compatibility.md), with the same configurations and the default settings of softclose. \
Clients load one arm after the other for about a second: first with a connection for each request, then on connections that are kept \
(*keep-alive*). gunicorn's sync workers close after each answer, so they have no second figure. The clients are `wrk` with 64 connections, \
`redis-benchmark` with 50, and for memcached and PHP-FPM a C program with 64. *p99* is what the client waited for the slowest hundredth of \
the answers. *CPU per request* is the processor time of all processes and threads of the server until it holds no connection any more, \
divided by the requests. HAProxy runs in front of a bare nginx, which has the clients' processor.",
    run,
};

const HEAD: [&str; 10] = [
    "",
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
    let mut skipped = Table::new("What could not be measured here.", &["", "", "why"]);
    for (row, (_, each, kept)) in rows(&SERVERS.map(|(name, ..)| name))?.iter().zip(SERVERS) {
        let clients = [(Some(each), "a connection for each request"), (kept, "keep-alive")];
        for (client, how) in clients.into_iter().filter_map(|(client, how)| Some((client?, how))) {
            match without_and_with(rounds, row, client) {
                Ok(found) => {
                    measurement.figures.extend(compare(row, how, &found));
                    table.row([row.title.clone(), how.to_owned()].into_iter().chain(columns(&found)));
                }
                Err(reason) => {
                    println!("  skipped: {}, {how}: {reason}", row.title);
                    skipped.row([row.title.clone(), how.to_owned(), reason]);
                }
            }
        }
    }
    measurement.tables.push(table);
    measurement.tables.extend((!skipped.rows.is_empty()).then_some(skipped));
    Ok(measurement)
}

fn compare(row: &Row, how: &str, found: &Rounds<Run>) -> [Figure; 2] {
    let figure = |what: &str, unit, part: fn(&Run) -> f64| {
        let [bare, with] = [0, 1].map(|arm: usize| figures(&found[arm], part));
        Figure::ratio(format!("{}, {how}: {what}", row.title), median(&bare, unit), ratios(&with, &bare))
    };
    [
        figure("requests/s", "/s", |run| run.rate).must(Goal::AtLeast(0.95)).aims_at(Goal::AtLeast(0.98)),
        figure("p99", "µs", p99).must(Goal::AtMost(1.3)),
    ]
}

fn p99(run: &Run) -> f64 {
    run.p99.expect("every client here counts it")
}

fn columns(found: &Rounds<Run>) -> Vec<String> {
    let parts: [fn(&Run) -> f64; 3] = [|run| run.rate, p99, |run| run.cpu];
    let middle = |arm: usize, part: fn(&Run) -> f64| number(Spread::of(&figures(&found[arm], part)).median);
    let mut cells: Vec<_> = parts.into_iter().flat_map(|part| [middle(0, part), middle(1, part)]).collect();
    let [bare, with] = [0, 1].map(|arm: usize| figures(&found[arm], |run| run.cpu));
    cells.push(number(Spread::of(&ratios(&with, &bare)).median));
    cells.push([0, 1].map(|arm| middle(arm, |run| run.errors)).join(" and "));
    cells
}

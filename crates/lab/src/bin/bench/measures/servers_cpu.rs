//! The processor time of a request in real servers.

use crate::clients::{Client, talk, wrk};
use crate::measure::{Measure, median};
use crate::measurement::{Figure, Goal, Measurement, Table};
use crate::number::number;
use crate::ratio::{Rounds, Spread, figures, ratios};
use crate::real::{Run, Skipped, in_turns, rows};
use shim_tests::shim::Shim;
use softclose_lab::compat::row::Row;

/// Rows of the matrix, and who loads them.
const SERVERS: [(&str, Client); 7] = [
    (NGINX, wrk::ONE_EACH),
    ("nginx-proxy", wrk::ONE_EACH),
    ("varnish", wrk::ONE_EACH),
    ("php", wrk::ONE_EACH),
    ("puma", wrk::ONE_EACH),
    ("redis", talk::REDIS_QUIT),
    ("memcached", talk::MEMCACHED_QUIT),
];

/// The server that can linger at every close itself.
const NGINX: &str = "nginx";

/// What the arms are called in the table: the third one is nginx's own.
const ARMS: [&str; 3] = ["bare", "with softclose", "bare, `lingering_close always`"];

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "servers-cpu",
    title: "Processor time of a request in real servers",
    about: "The servers are those of [the matrix](compatibility.md), with the same configurations and the default settings of \
softclose. 64 clients load one arm after the other for a second, and three times before the first round, with a connection for each \
request. `wrk` sends `Connection: close`; clients of redis and memcached ask for a key and end with `QUIT`. The processor time is that of \
all processes and threads of the server until it holds no connection any more, divided by the requests. Proxies run in front of a bare \
nginx, which has the clients' processor.",
    run,
};

fn run(rounds: usize) -> Result<Measurement, String> {
    let mut measurement = Measurement::default();
    let mut table = Table::new("Medians.", &["", "", "CPU per request, µs", "requests/s", "errors"]);
    let mut skipped = Skipped::new();
    for (row, (_, client)) in rows(&SERVERS.map(|(name, _)| name))?.iter().zip(SERVERS) {
        if let Some(found) = skipped.unless_found(&row.title, in_turns(rounds, &arms(row), client)) {
            measurement.figures.extend(compare(row, &found));
            add(&mut table, row, &found);
        }
    }
    measurement.tables = [Some(table), skipped.table()].into_iter().flatten().collect();
    Ok(measurement)
}

/// Without softclose and with it. nginx also without, but with lingering of its own.
fn arms(row: &Row) -> Vec<(Row, Shim)> {
    let mut arms: Vec<_> = Shim::BOTH.map(|shim| (row.clone(), shim)).into();
    if row.name == NGINX {
        let mut lingering = row.clone();
        for text in lingering.server.files.values_mut() {
            *text = text.replace("http {", "http {\n    lingering_close always;");
        }
        arms.push((lingering, Shim::Native));
    }
    arms
}

fn compare(row: &Row, found: &Rounds<Run>) -> Vec<Figure> {
    let cpu: Vec<_> = found.iter().map(|runs| figures(runs, |run| run.cpu)).collect();
    let against = |what: String, bare: &[f64]| Figure::ratio(what, median(bare, "µs"), ratios(&cpu[1], bare));
    let figure = against(format!("{}: CPU per request", row.title), &cpu[0]);
    let figure = figure.must(Goal::AtMost(1.17)).aims_at(Goal::AtMost(1.10));
    let own = cpu.get(2).map(|own| against(format!("{}: CPU per request against {}", row.title, ARMS[2]), own));
    [Some(figure), own].into_iter().flatten().collect()
}

/// Adds a row of medians for each arm.
fn add(table: &mut Table, row: &Row, found: &Rounds<Run>) {
    for (name, runs) in ARMS.into_iter().zip(found) {
        let parts: [fn(&Run) -> f64; 3] = [|run| run.cpu, |run| run.rate, |run| run.errors];
        let columns = parts.map(|part| number(Spread::of(&figures(runs, part)).median));
        table.row([row.title.clone(), name.to_owned()].into_iter().chain(columns));
    }
}

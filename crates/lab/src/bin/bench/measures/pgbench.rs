//! PostgreSQL: a process for each connection, and a connection for each transaction.

use crate::clients::pgbench;
use crate::measure::{Measure, both_absolutes, median};
use crate::measurement::{Figure, Goal, Measurement};
use crate::ratio::{figures, ratios};
use crate::real::{Run, rows, without_and_with};

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "pgbench",
    title: "PostgreSQL, a connection for each transaction",
    about: "`pgbench -C -S` with four clients loads PostgreSQL for two seconds. A transaction is a connection, for which PostgreSQL \
forks, and one SELECT. *CPU per transaction* is the processor time of all processes of PostgreSQL, also of those that have ended, divided \
by the transactions.",
    run,
};

fn run(rounds: usize) -> Result<Measurement, String> {
    let row = rows(&["postgresql"])?.remove(0);
    let found = without_and_with(rounds, &row, pgbench::ONE_EACH)?;
    let of = |figure: fn(&Run) -> f64| found.iter().map(|arm| figures(arm, figure)).collect::<Vec<_>>();
    let (rate, cpu) = (of(|run| run.rate), of(|run| run.cpu));
    let figure = |what: &str, points: &[Vec<f64>], unit| {
        Figure::ratio(format!("PostgreSQL: {what}"), median(&points[0], unit), ratios(&points[1], &points[0]))
    };
    Ok(Measurement {
        figures: vec![
            figure("transactions/s", &rate, "/s").must(Goal::AtLeast(0.97)).aims_at(Goal::AtLeast(1.0)),
            figure("CPU per transaction", &cpu, "µs"),
        ],
        tables: vec![
            both_absolutes("Transactions per second.", &rate),
            both_absolutes("Microseconds of processor time per transaction.", &cpu),
            both_absolutes("Transactions of a run that failed.", &of(|run| run.errors)),
        ],
        ..Measurement::default()
    })
}

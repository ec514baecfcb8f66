//! Real servers, as rows of the matrix describe them, under load.

use crate::clients::{Client, on_core};
use crate::cpu;
use crate::measurement::Table;
use crate::ratio::{Rounds, alternate, arm};
use crate::testbed::{FIRST_CORE, SETTINGS, last_core};
use shim_tests::program::Exit;
use shim_tests::shim::Shim;
use softclose_lab::compat::install;
use softclose_lab::compat::row::Row;
use softclose_lab::compat::stage::{RunningServer, Stage};

/// Loads before the first round, beside the one that [`alternate`] does not record: an engine that
/// compiles while it runs has compiled most of the server then.
const WARM_UP: usize = 2;

/// What one run found.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    /// Requests a second.
    pub rate: f64,
    /// The 99th percentile of what an answer took, in microseconds. Not every client counts it.
    pub p99: Option<f64>,
    /// What a request cost the server, all of its processes and threads, in microseconds.
    pub cpu: f64,
    /// Requests that failed.
    pub errors: f64,
}

/// The servers that could not be measured here.
pub struct Skipped(Table);

impl Skipped {
    /// None yet.
    pub fn new() -> Self {
        Self(Table::new("What could not be measured here.", &["", "why"]))
    }

    /// What was found of a server. If nothing was, the server is named with the reason.
    pub fn unless_found(&mut self, server: &str, found: Result<Rounds<Run>, String>) -> Option<Rounds<Run>> {
        found
            .inspect_err(|reason| {
                println!("  skipped: {server}: {reason}");
                self.0.row([server.to_owned(), reason.clone()]);
            })
            .ok()
    }

    /// A table of them, if there are any.
    pub fn table(self) -> Option<Table> {
        (!self.0.rows.is_empty()).then_some(self.0)
    }
}

/// Installs what servers need, and answers their rows in this order.
///
/// # Errors
/// That there is no such row.
pub fn rows(names: &[&str]) -> Result<Vec<Row>, String> {
    let mut rows = Row::all(&names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
    rows.sort_by_key(|row| names.iter().position(|name| *name == row.name));
    install::packages(&rows);
    Ok(rows)
}

/// Loads a server without softclose and with it.
///
/// # Errors
/// Why it cannot run here.
pub fn without_and_with(rounds: usize, row: &Row, client: Client) -> Result<Rounds<Run>, String> {
    in_turns(rounds, &Shim::BOTH.map(|shim| (row.clone(), shim)), client)
}

/// Loads several servers in turns.
///
/// # Errors
/// Why one cannot run here.
pub fn in_turns(rounds: usize, arms: &[(Row, Shim)], client: Client) -> Result<Rounds<Run>, String> {
    let stages = arms.iter().map(|(row, shim)| stage(row, *shim)).collect::<Result<Vec<_>, _>>()?;
    let servers = stages.iter().map(|stage| start(stage, client)).collect::<Result<Vec<_>, _>>()?;
    let arms = stages.iter().zip(&servers).map(|(stage, server)| arm(|| load(stage, server, client)));
    alternate(rounds, arms.collect()).into_iter().map(|runs| runs.into_iter().collect()).collect()
}

/// A stage as [`crate::testbed::Testbed`] is set up: the server has the first processor, and whom it
/// passes requests to has the last one.
fn stage(row: &Row, shim: Shim) -> Result<Stage, String> {
    let placeholders = install::own(row)?;
    let mut row = row.clone();
    row.server.run = on_core(FIRST_CORE, &row.server.run);
    row.server.backend.iter_mut().for_each(|backend| backend.run = on_core(&last_core(), &backend.run));
    let stage = Stage::open(&row, &placeholders, shim)?;
    let settings = ["sh", "-c", SETTINGS].map(str::to_owned);
    match stage.run(&settings, Shim::Native)? {
        finished if finished.exit == Exit::Code(0) => Ok(stage),
        finished => Err(finished.stderr.join("; ")),
    }
}

fn start(stage: &Stage, client: Client) -> Result<RunningServer<'_>, String> {
    let server = stage.start()?;
    client.prepare(stage)?;
    (0..WARM_UP).try_for_each(|_| client.load(stage).map(drop))?;
    Ok(server)
}

fn load(stage: &Stage, server: &RunningServer, client: Client) -> Result<Run, String> {
    let pid = server.program.pid();
    let before = cpu::of_family(pid);
    let seen = client.load(stage)?;
    stage.settle();
    let spent = cpu::of_family(pid).saturating_sub(before);
    let cpu = spent.as_secs_f64() * 1e6 / seen.requests;
    Ok(Run { rate: seen.rate, p99: seen.p99, cpu, errors: seen.errors })
}

//! Measures what a program's close destroys: how many answers arrive in full, how many peers see a
//! reset, and how many aborts the kernel counts.

use super::row::{LossScenario, WAYS};
use super::script::Script;
use super::stage::{RunningServer, Stage};
use serde::{Deserialize, Serialize};
use shim_tests::program::Exit;
use shim_tests::shim::Shim;
use std::collections::BTreeMap;

/// The number of connections for each way to lose something.
pub const CONNECTIONS: usize = 20;
const CONCURRENCY: usize = 4;

/// What one way to lose something came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toll {
    /// Connections made.
    pub connections: usize,
    /// Connections whose answer arrived in full.
    pub full: usize,
    /// Connections on which the peer saw a reset.
    pub resets: usize,
    /// Connections that did not end in time.
    pub stalled: usize,
    /// `TcpExt: TCPAbortOnClose`.
    pub abort_on_close: u64,
    /// `TcpExt: TCPAbortOnData`.
    pub abort_on_data: u64,
}

/// The tolls of all ways, by name.
pub type Tolls = BTreeMap<String, Toll>;

/// Tries every way to lose something that applies to this program.
///
/// # Errors
/// Why it could not be tried.
pub fn measure(stage: &Stage) -> Result<Tolls, String> {
    measure_ways(stage, usize::MAX)
}

/// Tries the first way to lose something that applies to this program, if there is one.
///
/// # Errors
/// As [`measure`].
pub fn measure_first(stage: &Stage) -> Result<Tolls, String> {
    measure_ways(stage, 1)
}

fn measure_ways(stage: &Stage, at_most: usize) -> Result<Tolls, String> {
    let running = stage.start()?;
    let says_something = |way: &&str| match stage.row.loss.get(*way) {
        Some(loss) => loss.why_not.is_none(),
        None => stage.row.client.is_some() && *way == "trailing",
    };
    let ways = WAYS.into_iter().filter(says_something).take(at_most);
    ways.map(|way| Ok((way.to_owned(), one(stage, &running, way)?))).collect()
}

fn one(stage: &Stage, running: &RunningServer, way: &str) -> Result<Toll, String> {
    match stage.row.loss.get(way) {
        Some(loss) => peers(stage, running, loss),
        None => clients(stage),
    }
}

fn peers(stage: &Stage, running: &RunningServer, loss: &LossScenario) -> Result<Toll, String> {
    let before = stage.counters();
    let script = Script { steps: loss.steps.clone(), slow: loss.slow };
    let report = running.talk(vec![script], CONNECTIONS, CONCURRENCY)?;
    let counted = stage.counters().since(before);
    Ok(Toll {
        connections: CONNECTIONS,
        full: report.count(|outcome| outcome.full),
        resets: report.count(|outcome| outcome.reset),
        stalled: report.count(|outcome| outcome.stalled),
        abort_on_close: counted.abort_on_close,
        abort_on_data: counted.abort_on_data,
    })
}

/// Measures the closes of a client under test. What it lost is seen in its exit status and in the
/// kernel's counters.
fn clients(stage: &Stage) -> Result<Toll, String> {
    let before = stage.counters();
    let mut toll = Toll { connections: CONNECTIONS, ..Toll::default() };
    for _ in 0..CONNECTIONS {
        toll.full += usize::from(stage.run_client()?.exit == Exit::Code(0));
    }
    let counted = stage.counters().since(before);
    toll.resets = usize::try_from(counted.aborts()).expect("a small number");
    toll.full -= toll.resets.min(toll.full);
    toll.abort_on_close = counted.abort_on_close;
    toll.abort_on_data = counted.abort_on_data;
    Ok(toll)
}

/// Makes one connection of each way, for strace to watch.
///
/// # Errors
/// That the peer gave up.
pub fn show(stage: &Stage, running: &RunningServer) -> Result<(), String> {
    let ways = stage.row.loss.values().filter(|loss| loss.why_not.is_none());
    let scripts: Vec<_> = ways.map(|loss| Script { steps: loss.steps.clone(), slow: loss.slow }).collect();
    if !scripts.is_empty() {
        let connections = scripts.len();
        running.talk(scripts, connections, 1)?;
    }
    if stage.row.client.is_some() {
        stage.run_client()?;
    }
    Ok(())
}

/// The name of a run in the results.
pub fn name(shim: Shim) -> &'static str {
    match shim {
        Shim::Native => "native",
        Shim::Preloaded => "softclose",
    }
}

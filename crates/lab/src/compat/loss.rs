//! What a program's close destroys: answers that arrive in full, resets, and the
//! kernel's own counters.

use super::row::{LossScenario, WAYS};
use super::script::Script;
use super::stage::{RunningServer, Stage};
use serde::{Deserialize, Serialize};
use shim_tests::program::Exit;
use shim_tests::shim::Shim;
use std::collections::BTreeMap;

/// Connections of each way, and how many at a time.
pub const CONNECTIONS: usize = 20;
const CONCURRENCY: usize = 4;

/// What came of one way to lose something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Toll {
    /// Connections made.
    pub connections: usize,
    /// Those whose answer arrived in full.
    pub full: usize,
    /// Those on which the peer was told of a reset.
    pub resets: usize,
    /// Those that did not come to an end in time.
    pub stalled: usize,
    /// `TcpExt: TCPAbortOnClose`.
    pub abort_on_close: u64,
    /// `TcpExt: TCPAbortOnData`.
    pub abort_on_data: u64,
}

/// By the way's name.
pub type Tolls = BTreeMap<String, Toll>;

/// Every way that says something about this program.
///
/// # Errors
/// Why it could not be tried.
pub fn measure(stage: &Stage) -> Result<Tolls, String> {
    measure_ways(stage, usize::MAX)
}

/// The first way that says something about this program, if there is one.
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

/// A client's own close, as its server sees it: only the kernel tells.
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

/// One connection of each way, for those who watch.
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

/// What a run with this shim is called in the results.
pub fn name(shim: Shim) -> &'static str {
    match shim {
        Shim::Native => "native",
        Shim::Preloaded => "softclose",
    }
}

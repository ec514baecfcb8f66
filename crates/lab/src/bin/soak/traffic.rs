//! What peers do to one server, in turns that are the same natively and shimmed.

use softclose_lab::compat::script::{Script, TalkReport};
use softclose_lab::compat::stage::{RunningServer, Stage};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// The pause between two turns of a worker. Without it the machine would be choked.
const PAUSE: Duration = Duration::from_millis(1500);

/// How long a stalled peer is silent: longer than any drain waits.
const STALL: Duration = Duration::from_secs(7);

/// What was done so far, and what came of it.
#[derive(Default)]
pub struct TrafficCounts {
    /// Connections.
    pub connections: AtomicUsize,
    /// Connections whose answer had to arrive in full, and did not.
    pub lost: AtomicUsize,
    /// Peers killed, stalled and reset.
    pub faults: AtomicUsize,
    /// Reloads.
    pub reloads: AtomicUsize,
}

impl TrafficCounts {
    fn count(&self, report: Result<TalkReport, String>) {
        let Ok(report) = report else { return };
        self.connections.fetch_add(report.count(|_| true), Relaxed);
        self.lost.fetch_add(report.count(|outcome| !outcome.full), Relaxed);
    }
}

/// Does one turn after the other until it is over. Each worker begins with another turn.
pub fn run(stage: &Stage, running: &RunningServer, counts: &TrafficCounts, worker: usize, over: &AtomicBool) {
    let mut turn = worker * 4;
    while !over.load(Relaxed) {
        one(stage, running, counts, turn);
        std::thread::sleep(PAUSE);
        turn += 1;
    }
}

fn one(stage: &Stage, running: &RunningServer, counts: &TrafficCounts, turn: usize) {
    match turn % 8 {
        0 | 2 => counts.count(running.talk(stage.row.scripts(), 60, 4)),
        1 | 4 => counts.count(running.talk(lossy(stage), 12, 4)),
        3 => fault(stage, running, counts, |talk| talk.kill()),
        5 => fault(stage, running, counts, |talk| {
            talk.stall(STALL);
            let _ = talk.report();
        }),
        6 => reset(stage, running, counts),
        _ => reload(stage, running, counts),
    }
}

fn lossy(stage: &Stage) -> Vec<Script> {
    let ways = stage.row.loss.values().filter(|loss| loss.why_not.is_none());
    ways.map(|loss| Script { steps: loss.steps.clone(), slow: loss.slow }).collect()
}

fn fault(
    stage: &Stage,
    running: &RunningServer,
    counts: &TrafficCounts,
    what: impl FnOnce(softclose_lab::compat::stage::Talk),
) {
    if let Some(Ok(talk)) = stage.row.download().map(|script| running.begin_download(script)) {
        counts.faults.fetch_add(1, Relaxed);
        what(talk);
    }
}

fn reset(stage: &Stage, running: &RunningServer, counts: &TrafficCounts) {
    if let Some(script) = stage.row.download() {
        counts.faults.fetch_add(1, Relaxed);
        let _ = running.reset(script);
    }
}

/// Reloads the server. Only one turn in eight does it: a server that does nothing but reload serves
/// nobody.
fn reload(stage: &Stage, running: &RunningServer, counts: &TrafficCounts) {
    if let Some(signal) = &stage.row.server.reload {
        counts.reloads.fetch_add(1, Relaxed);
        running.signal(signal);
    }
    counts.count(running.talk(stage.row.scripts(), 6, 2));
}

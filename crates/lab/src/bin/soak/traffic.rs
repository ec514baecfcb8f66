//! What peers do to one server, in turns that are the same natively and shimmed.

use crate::PAUSE;
use softclose_lab::compat::script::{Report, Script};
use softclose_lab::compat::stage::{Running, Stage};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// Longer than the longest silence that a drain waits for.
const STALL: Duration = Duration::from_secs(7);

/// What was done so far, and what came of it.
#[derive(Default)]
pub struct Deeds {
    /// Connections.
    pub connections: AtomicUsize,
    /// Connections whose answer had to arrive in full, and did not.
    pub lost: AtomicUsize,
    /// Peers killed, stalled and reset.
    pub faults: AtomicUsize,
    /// Reloads.
    pub reloads: AtomicUsize,
}

impl Deeds {
    fn count(&self, report: Result<Report, String>) {
        let Ok(report) = report else { return };
        self.connections.fetch_add(report.count(|_| true), Relaxed);
        self.lost.fetch_add(report.count(|outcome| !outcome.full), Relaxed);
    }
}

/// Turns until it is over. Workers begin at different ones.
pub fn run(stage: &Stage, running: &Running, deeds: &Deeds, worker: usize, over: &AtomicBool) {
    let mut turn = worker * 4;
    while !over.load(Relaxed) {
        one(stage, running, deeds, turn);
        std::thread::sleep(PAUSE);
        turn += 1;
    }
}

fn one(stage: &Stage, running: &Running, deeds: &Deeds, turn: usize) {
    match turn % 8 {
        0 | 2 => deeds.count(running.talk(stage.row.scripts(), 60, 4)),
        1 | 4 => deeds.count(running.talk(lossy(stage), 12, 4)),
        3 => fault(stage, running, deeds, |talk| talk.kill()),
        5 => fault(stage, running, deeds, |talk| {
            talk.stall(STALL);
            let _ = talk.report();
        }),
        6 => reset(stage, running, deeds),
        _ => reload(stage, running, deeds),
    }
}

fn lossy(stage: &Stage) -> Vec<Script> {
    let ways = stage.row.loss.values().filter(|loss| loss.why_not.is_none());
    ways.map(|loss| Script { steps: loss.steps.clone(), slow: loss.slow }).collect()
}

fn fault(stage: &Stage, running: &Running, deeds: &Deeds, what: impl FnOnce(softclose_lab::compat::stage::Talk)) {
    if let Some(Ok(talk)) = stage.row.download().map(|script| running.begin_download(script)) {
        deeds.faults.fetch_add(1, Relaxed);
        what(talk);
    }
}

fn reset(stage: &Stage, running: &Running, deeds: &Deeds) {
    if let Some(script) = stage.row.download() {
        deeds.faults.fetch_add(1, Relaxed);
        let _ = running.reset(script);
    }
}

/// Not as often as it could be: a server that does nothing but reload serves nobody.
fn reload(stage: &Stage, running: &Running, deeds: &Deeds) {
    if let Some(signal) = &stage.row.server.reload {
        deeds.reloads.fetch_add(1, Relaxed);
        running.signal(signal);
    }
    deeds.count(running.talk(stage.row.scripts(), 6, 2));
}

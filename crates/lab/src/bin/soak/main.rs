//! `make soak`: several servers at once for half an hour, each natively and shimmed
//! side by side, under traffic with faults: peers that are killed, stalled, reset,
//! and reloads. What the processes hold is sampled; `docs/soak.md` has the result.

mod chart;
mod page;
mod sample;
mod traffic;

use sample::{Sample, Series};
use shim_tests::shim::Shim;
use softclose_lab::compat::install;
use softclose_lab::compat::row::Row;
use softclose_lab::compat::stage::{RunningServer, Stage};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use traffic::TrafficCounts;

/// The time between two samples.
const TICK: Duration = Duration::from_secs(5);

/// The number of workers that talk to each server.
const WORKERS: usize = 2;

fn main() -> ExitCode {
    let (minutes, names) = arguments();
    let rows = Row::all(&names).unwrap_or_else(|error| panic!("{error}"));
    install::packages(&rows);
    let length = Duration::from_secs(60 * minutes);
    let stages = stages(&rows);
    let arms: Vec<Arm> = stages.iter().map(|(stage, shim)| Arm::start(stage, *shim)).collect();
    let series = soak(&arms, length);
    let faults = page::write(minutes, &series).unwrap_or_else(|error| panic!("{error}"));
    faults.iter().for_each(|fault| println!("FAULT: {fault}"));
    println!("{} passed, {} failed", arms.len() - faults.len().min(arms.len()), faults.len());
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn arguments() -> (u64, Vec<String>) {
    let mut arguments = std::env::args().skip(1);
    let minutes = arguments.next().and_then(|minutes| minutes.parse().ok()).expect("usage: soak MINUTES PROGRAM...");
    (minutes, arguments.collect())
}

/// Makes two stages for each row that can run here: one without softclose, one with it.
fn stages(rows: &[Row]) -> Vec<(Stage, Shim)> {
    let mut stages = Vec::new();
    for row in rows {
        match install::own(row) {
            Ok(placeholders) => {
                let open = |shim| {
                    Stage::open(row, &placeholders, shim).unwrap_or_else(|reason| panic!("{}: {reason}", row.title))
                };
                stages.extend(Shim::BOTH.map(|shim| (open(shim), shim)));
            }
            Err(reason) => println!("skipped: {}: {reason}", row.title),
        }
    }
    stages
}

/// One server under traffic.
struct Arm<'a> {
    stage: &'a Stage,
    shim: Shim,
    running: RunningServer<'a>,
    counts: TrafficCounts,
}

impl<'a> Arm<'a> {
    fn start(stage: &'a Stage, shim: Shim) -> Self {
        let running = stage.start().unwrap_or_else(|reason| panic!("{}: {reason}", stage.row.title));
        Self { stage, shim, running, counts: TrafficCounts::default() }
    }
}

fn soak(arms: &[Arm], length: Duration) -> Vec<Series> {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for arm in arms {
            for worker in 0..WORKERS {
                let over = &over;
                scope.spawn(move || traffic::run(arm.stage, &arm.running, &arm.counts, worker, over));
            }
        }
        let series = watch(arms, length);
        over.store(true, Ordering::Relaxed);
        series
    })
}

/// Samples until it is over, and then once more when everything has settled.
fn watch(arms: &[Arm], length: Duration) -> Vec<Series> {
    let begun = Instant::now();
    let mut series: Vec<_> = arms.iter().map(|arm| Series::of(&arm.stage.row.title, arm.shim)).collect();
    while begun.elapsed() < length {
        std::thread::sleep(TICK);
        for (arm, series) in arms.iter().zip(&mut series) {
            series.samples.push(Sample::take(begun.elapsed(), arm.stage, &arm.running, &arm.counts));
        }
    }
    series
}

//! Samples of what a server holds.

use crate::traffic::TrafficCounts;
use shim_tests::proc::threads;
use shim_tests::shim::Shim;
use softclose_lab::compat::stage::{RunningServer, Stage};
use softclose_lab::tree;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// What a server holds at one moment, and what has happened so far.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Since the start, in seconds.
    pub at: f64,
    /// Descriptors of all processes.
    pub descriptors: usize,
    /// Private memory of all processes, in KiB.
    pub memory: u64,
    /// Threads of all processes.
    pub threads: usize,
    /// Connections that the kernel has aborted so far in the server's namespace.
    pub aborts: u64,
    /// Connections made so far.
    pub connections: usize,
    /// Connections whose answer did not arrive in full, so far.
    pub lost: usize,
    /// Peers killed, stalled and reset so far.
    pub faults: usize,
    /// Reloads so far.
    pub reloads: usize,
}

impl Sample {
    /// Takes a sample now.
    pub fn take(at: Duration, stage: &Stage, running: &RunningServer, counts: &TrafficCounts) -> Self {
        let processes = tree::processes(running.program.pid());
        Self {
            at: at.as_secs_f64(),
            descriptors: tree::descriptor_count(&processes),
            memory: tree::private_memory(&processes),
            threads: processes.into_iter().map(threads).sum(),
            aborts: stage.counters_now().aborts(),
            connections: counts.connections.load(Relaxed),
            lost: counts.lost.load(Relaxed),
            faults: counts.faults.load(Relaxed),
            reloads: counts.reloads.load(Relaxed),
        }
    }
}

/// One server over time.
pub struct Series {
    /// Name of the program.
    pub title: String,
    /// Whether it runs with softclose.
    pub shim: Shim,
    /// The samples, in order of time.
    pub samples: Vec<Sample>,
}

impl Series {
    /// A series without samples.
    pub fn of(title: &str, shim: Shim) -> Self {
        Self { title: title.to_owned(), shim, samples: Vec::new() }
    }

    /// The largest value of a figure in a part of the run. `from` and `to` are fractions of the
    /// run.
    pub fn most(&self, from: f64, to: f64, figure: impl Fn(&Sample) -> f64) -> f64 {
        let index = |part: f64| (part * self.samples.len() as f64) as usize;
        self.samples[index(from)..index(to)].iter().map(figure).fold(0.0, f64::max)
    }

    /// The last sample.
    pub fn last(&self) -> Sample {
        *self.samples.last().expect("a run has samples")
    }
}

/// A figure and its name in the chart.
pub type Figure = (&'static str, fn(&Sample) -> f64);

/// The figures that the chart shows.
pub const FIGURES: [Figure; 4] = [
    ("descriptors", |sample| sample.descriptors as f64),
    ("private memory, MiB", |sample| sample.memory as f64 / 1024.0),
    ("threads", |sample| sample.threads as f64),
    ("aborts by the kernel", |sample| sample.aborts as f64),
];

//! Observes what a program does for its everyday users. softclose may change nothing of this.

use super::mask::Mask;
use super::row::Group;
use super::script::TalkReport;
use super::stage::{PATIENCE, RunningServer, ServerEnd, Stage};
use crate::tree;
use serde::{Deserialize, Serialize};
use shim_tests::proc::becomes_true;
use shim_tests::shim::Shim;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// The number of sessions that are compared.
const SESSIONS: usize = 300;
const CONCURRENCY: usize = 8;
const COMMANDS: usize = 40;

/// The number of connections after which it is looked whether something is left behind.
const MANY: usize = 5000;
const FEW: usize = 500;

/// How many rounds of [`MANY`] connections there are at most. A heap grows until it is collected
/// and a cache until it is full. Only a leak grows in every round.
const ROUNDS: usize = 10;

/// How much more private memory does not count as growth, in KiB. If each of 5,000 connections
/// leaked one slot of softclose, that would be 312.
pub const MEMORY: i64 = 256;

/// How long something of a connection may stay after its close: the longest silence that a drain
/// waits for, and the second after which softclose's thread ends.
const AFTERMATH: Duration = Duration::from_secs(8);

/// What was seen in one run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Observed {
    /// Everything that must be the same natively and shimmed, by name.
    pub same: BTreeMap<String, String>,
    /// What 5,000 connections left behind. `None` if no peer of ours speaks with the program.
    pub left: Option<Leftover>,
}

/// What 5,000 connections left behind, in the round that left the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    /// Private memory of all processes, in KiB.
    pub memory: i64,
    /// Descriptors of all processes.
    pub descriptors: i64,
}

impl Leftover {
    fn or_less(self, memory: i64, descriptors: i64) -> Self {
        Self { memory: self.memory.min(memory), descriptors: self.descriptors.min(descriptors) }
    }

    fn is_nothing(self) -> bool {
        self.memory <= MEMORY && self.descriptors <= 0
    }
}

/// Observes everything, on servers that are started for it.
///
/// # Errors
/// Why it could not be tried.
pub fn observe(stage: &Stage) -> Result<Observed, String> {
    let mut observed = Observed::default();
    if stage.row.group == Group::Client {
        let _running = stage.start()?;
        observed.same.insert("output and status".to_owned(), client(stage)?);
        return Ok(observed);
    }
    everyday(stage, &mut observed)?;
    for signal in stage.row.server.stop.iter().skip(1) {
        stopping(stage, signal, &mut observed)?;
    }
    if let Some(signal) = &stage.row.server.graceful {
        graceful(stage, signal, &mut observed)?;
    }
    Ok(observed)
}

/// Observes sessions, many connections, a reload, and the first way to stop, on one server.
fn everyday(stage: &Stage, observed: &mut Observed) -> Result<(), String> {
    let mask = Mask::new(&stage.row.server.mask)?;
    let mut running = stage.start()?;
    let spoken = sessions(stage, &running, &mask)?;
    observed.same.insert(format!("{SESSIONS} sessions"), spoken);
    if let Some(signal) = &stage.row.server.reload {
        running.signal(signal);
        observed.same.insert(format!("serves after {signal}"), serves_again(stage, &running, &mask)?);
    }
    // Before the thousands: some programs log each connection.
    let logged = log_lines(&running.logged(), &mask);
    observed.left = many(stage, &running)?;
    let stop = stage.row.server.stop.first().map_or("KILL", String::as_str);
    let ended = running.stop(stop);
    observed.same.insert(format!("end by {stop}"), ended.to_string());
    observed.same.insert("log".to_owned(), merged(logged, log_lines(&ended.said, &mask)));
    Ok(())
}

fn sessions(stage: &Stage, running: &RunningServer, mask: &Mask) -> Result<String, String> {
    let mut heard = Vec::new();
    let scripts = stage.row.scripts();
    if !scripts.is_empty() {
        heard.push(spoken(&running.talk(scripts, SESSIONS, CONCURRENCY)?));
    }
    for line in stage.row.commands() {
        let outputs = repeat(COMMANDS, || stage.run(line, Shim::Native).map(|finished| shown(&finished, mask)))?;
        heard.push(tally(outputs));
    }
    Ok(heard.join("\n"))
}

fn client(stage: &Stage) -> Result<String, String> {
    let mask = Mask::new(&stage.row.server.mask)?;
    Ok(tally(repeat(SESSIONS, || stage.run_client().map(|finished| shown(&finished, &mask)))?))
}

fn shown(finished: &shim_tests::program::Finished, mask: &Mask) -> String {
    let said = [finished.stdout.join("\n"), finished.stderr.join("\n")].map(|text| mask.apply(&text));
    format!("{:?}\n{}\n{}", finished.exit, said[0], said[1])
}

/// Calls `once` so many times, a few at a time.
fn repeat<T: Send>(times: usize, once: impl Fn() -> Result<T, String> + Sync) -> Result<Vec<T>, String> {
    let share = |worker: usize| (worker..times).step_by(CONCURRENCY);
    std::thread::scope(|scope| {
        let once = &once;
        let work = |worker| move || share(worker).map(|_| once()).collect::<Result<Vec<T>, String>>();
        let workers: Vec<_> = (0..CONCURRENCY).map(|worker| scope.spawn(work(worker))).collect();
        let parts = workers.into_iter().map(|worker| worker.join().map_err(|_| "a run failed".to_owned())?);
        parts.collect::<Result<Vec<_>, _>>().map(|parts| parts.into_iter().flatten().collect())
    })
}

fn tally(texts: Vec<String>) -> String {
    let mut counts = BTreeMap::<String, usize>::new();
    for text in texts {
        *counts.entry(text).or_default() += 1;
    }
    counts.into_iter().map(|(text, count)| format!("{count} x {text}")).collect::<Vec<_>>().join("\n")
}

/// What the peers heard and how their connections ended, as text that does not depend on the order.
pub fn spoken(report: &TalkReport) -> String {
    let heard = report.transcripts.iter().map(|(text, count)| format!("{count} x {text}"));
    let mut outcomes = report.outcomes.clone();
    outcomes.sort();
    heard.chain([format!("{outcomes:?}")]).collect::<Vec<_>>().join("\n")
}

/// Whether the server serves as before some time after a reload. What is asked during the reload
/// may be refused.
fn serves_again(stage: &Stage, running: &RunningServer, mask: &Mask) -> Result<String, String> {
    let Some(script) = stage.row.scripts().into_iter().next() else { return sessions(stage, running, mask) };
    let well = |report: &TalkReport| report.count(|outcome| outcome.full) == FEW / 10;
    let again = || running.talk(vec![script.clone()], FEW / 10, CONCURRENCY).is_ok_and(|report| well(&report));
    Ok(if becomes_true(PATIENCE, again) { "yes" } else { "no" }.to_owned())
}

fn many(stage: &Stage, running: &RunningServer) -> Result<Option<Leftover>, String> {
    let Some(script) = stage.row.scripts().into_iter().next() else { return Ok(None) };
    running.talk(vec![script.clone()], FEW, CONCURRENCY)?;
    let mut before = held(stage, running, 0);
    let mut least = Leftover { memory: i64::MAX, descriptors: i64::MAX };
    for _ in 0..ROUNDS {
        running.talk(vec![script.clone()], MANY, CONCURRENCY)?;
        let after = held(stage, running, before.descriptors);
        least = least.or_less(after.memory - before.memory, after.descriptors - before.descriptors);
        if least.is_nothing() {
            break;
        }
        before = after;
    }
    Ok(Some(least))
}

/// What it holds once the aftermath is over: sooner, if there are not more than
/// `enough` descriptors.
fn held(stage: &Stage, running: &RunningServer, enough: i64) -> Leftover {
    stage.settle();
    let pid = running.program.pid();
    let descriptors = || tree::descriptor_count(&tree::processes(pid)).try_into().unwrap_or(i64::MAX);
    becomes_true(AFTERMATH, || descriptors() <= enough);
    Leftover {
        memory: tree::private_memory(&tree::processes(pid)).try_into().unwrap_or(i64::MAX),
        descriptors: descriptors(),
    }
}

fn stopping(stage: &Stage, signal: &str, observed: &mut Observed) -> Result<(), String> {
    let running = stage.start()?;
    if let Some(script) = stage.row.scripts().into_iter().next() {
        running.talk(vec![script], CONCURRENCY, CONCURRENCY)?;
    }
    observed.same.insert(format!("end by {signal}"), running.stop(signal).to_string());
    Ok(())
}

/// Observes a graceful stop: a download is under way when the signal comes.
fn graceful(stage: &Stage, signal: &str, observed: &mut Observed) -> Result<(), String> {
    let Some(script) = stage.row.download() else { return Ok(()) };
    let running = stage.start()?;
    let talk = running.begin_download(script)?;
    running.signal(signal);
    let report = talk.report()?;
    let ended = running.wait();
    let finished = if report.count(|outcome| outcome.full) == 1 { "finished" } else { "cut short" };
    observed.same.insert(format!("download under {signal}"), format!("{finished}; {ended}"));
    Ok(())
}

/// The distinct lines of a log, masked. Their order and number is chance where connections are
/// served side by side. Lines that are masked as a whole are left out.
fn log_lines(lines: &[String], mask: &Mask) -> BTreeSet<String> {
    lines.iter().map(|line| mask.apply(line)).filter(|line| line != "#").collect()
}

fn merged(one: BTreeSet<String>, other: BTreeSet<String>) -> String {
    one.union(&other).cloned().collect::<Vec<_>>().join("\n")
}

impl std::fmt::Display for ServerEnd {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.exit {
            Some(exit) => write!(formatter, "{exit:?}")?,
            None => formatter.write_str("does not end")?,
        }
        if self.survivors > 0 { write!(formatter, ", {} processes left", self.survivors) } else { Ok(()) }
    }
}

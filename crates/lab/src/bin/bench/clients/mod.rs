//! Clients that load a real server: how each is started, and what it says.

pub mod pgbench;
pub mod redis;
pub mod talk;
pub mod wrk;

use crate::testbed::last_core;
use shim_tests::installed::find;
use shim_tests::shim::Shim;
use softclose_lab::compat::row::Row;
use softclose_lab::compat::stage::Stage;

/// Connections at once.
const AT_ONCE: &str = "64";

/// A program that loads a server for about a second.
#[derive(Clone, Copy)]
pub struct Client {
    /// What it does once, when the server has just begun.
    prepare: Option<fn(&Row) -> Vec<String>>,
    /// Its command line.
    line: fn(&Row) -> Vec<String>,
    /// Finds what it saw in the lines that it has printed.
    read: fn(&[String]) -> Option<Seen>,
}

/// What a client saw in one run.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Requests that were answered.
    pub requests: f64,
    /// The same in a second.
    pub rate: f64,
    /// The 99th percentile of what an answer took, in microseconds. Not every client counts it.
    pub p99: Option<f64>,
    /// Requests that failed.
    pub errors: f64,
}

impl Client {
    const fn new(line: fn(&Row) -> Vec<String>, read: fn(&[String]) -> Option<Seen>) -> Self {
        Self { prepare: None, line, read }
    }

    /// Does what it has to do once.
    ///
    /// # Errors
    /// That it could not be started.
    pub fn prepare(&self, stage: &Stage) -> Result<(), String> {
        self.prepare.map_or(Ok(()), |line| stage.run(&line(&stage.row), Shim::Native).map(drop))
    }

    /// Loads the server on `stage`, from the last processor.
    ///
    /// # Errors
    /// What the client said instead of a result.
    pub fn load(&self, stage: &Stage) -> Result<Seen, String> {
        let line = (self.line)(&stage.row);
        find(&line[0]).ok_or_else(|| format!("no {}", line[0]))?;
        let finished = stage.run(&on_core(&last_core(), &line), Shim::Native)?;
        (self.read)(&finished.stdout).ok_or_else(|| [finished.stdout, finished.stderr].concat().join("; "))
    }
}

/// A command line that runs on this processor only.
pub fn on_core(core: &str, line: &[String]) -> Vec<String> {
    [&words(&["taskset", "-c", core]), line].concat()
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// The number that stands in front of `words` in one of the lines.
fn number_before(said: &[String], words: &str) -> Option<f64> {
    said.iter().find_map(|line| line.split_once(words)?.0.trim().parse().ok())
}

/// The number that stands behind `words` at the start of one of the lines.
fn number_behind(said: &[String], words: &str) -> Option<f64> {
    said.iter().find_map(|line| line.trim().strip_prefix(words)?.split_whitespace().next()?.parse().ok())
}

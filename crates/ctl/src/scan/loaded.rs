//! The programs that have softclose loaded: what they do not cut off, nobody would see otherwise.

use super::manager::Manager;
use super::report;
use super::who::Who;
use crate::survey::process::{Look, look};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// A program that has softclose loaded, in one or more processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its name.
    pub program: String,
    /// Who starts it.
    pub manager: Manager,
    /// The lowest pid.
    pub pid: u32,
    /// The number of its processes.
    pub processes: usize,
}

impl Loaded {
    /// All of them now.
    pub fn now() -> Vec<Self> {
        let mut all = BTreeMap::<_, Vec<u32>>::new();
        for entry in procfs::process::all_processes().into_iter().flatten().flatten() {
            if matches!(look(&entry), Look::Loaded(_))
                && let Some(who) = Who::of(entry.pid as u32)
            {
                all.entry((who.program, who.manager)).or_default().push(who.pid);
            }
        }
        let one = |((program, manager), pids): ((String, Manager), Vec<u32>)| {
            let pid = pids.iter().copied().min().unwrap_or(0);
            Self { program, manager, pid, processes: pids.len() }
        };
        all.into_iter().map(one).collect()
    }

    /// It as JSON.
    pub fn json(&self) -> Value {
        let (manager, unit) = report::manager(&self.manager);
        json!({
            "program": self.program,
            "manager": manager,
            "unit": unit,
            "pid": self.pid,
            "processes": self.processes,
        })
    }
}

//! The programs that have softclose loaded: what they do not cut off, nobody would see otherwise.

use super::manager::Manager;
use super::report;
use super::who::Who;
use crate::patience::patiently;
use crate::survey::process::{Look, look};
use crate::{printable, proc};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A program that has softclose loaded, in one or more processes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// Its name.
    pub program: String,
    /// The file that it executes.
    pub file: Option<PathBuf>,
    /// Who starts it.
    pub manager: Manager,
    /// Its processes.
    pub pids: Vec<u32>,
}

impl Loaded {
    /// All of them now.
    pub fn now() -> Vec<Self> {
        let mut all = BTreeMap::<_, Vec<u32>>::new();
        for pid in proc::pids().unwrap_or_default() {
            if matches!(patiently(pid, move || look(pid)), Some(Look::Loaded(_)))
                && let Some(who) = Who::of(pid)
            {
                all.entry((who.program, who.file, who.manager)).or_default().push(who.pid);
            }
        }
        let all = all.into_iter();
        all.map(|((program, file, manager), pids)| Self { program, file, manager, pids }).collect()
    }

    /// It as JSON.
    pub fn json(&self) -> Value {
        let (manager, unit) = report::manager(&self.manager);
        json!({
            "program": self.program,
            "file": self.file.as_deref().map(printable::path),
            "manager": manager,
            "unit": unit,
            "pids": self.pids,
        })
    }
}

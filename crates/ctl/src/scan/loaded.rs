//! The programs that have softclose loaded: what they do not cut off, nobody would see otherwise.

use super::listeners::Listeners;
use super::manager::Manager;
use super::report;
use super::services::{Service, Side};
use super::who::Who;
use crate::patience::patiently;
use crate::survey::process::{Look, look};
use crate::{printable, proc};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
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
    /// The ports on which it listens. Two programs of one interpreter have nothing else that tells them apart.
    pub ports: BTreeSet<u16>,
    /// Its processes.
    pub pids: Vec<u32>,
}

impl Loaded {
    /// All of them now.
    pub fn now() -> Vec<Self> {
        let listening = Listeners::now().ports();
        let mut all = BTreeMap::<_, Vec<u32>>::new();
        for pid in proc::pids().unwrap_or_default() {
            if matches!(patiently(pid, move || look(pid)), Some(Look::Loaded(_)))
                && let Some(who) = Who::of(pid)
            {
                let ports = listening.get(&who.pid).cloned().unwrap_or_default();
                all.entry((who.program, who.file, who.manager, ports)).or_default().push(who.pid);
            }
        }
        let all = all.into_iter();
        all.map(|((program, file, manager, ports), pids)| Self { program, file, manager, ports, pids }).collect()
    }

    /// Whether this service is, as far as can be told, the same program.
    pub fn is(&self, service: &Service) -> bool {
        let id = &service.id;
        let listens = || matches!(id.side, Side::Server(port) if self.ports.contains(&port));
        let has_process = || self.pids.iter().any(|pid| service.pids.contains(pid));
        self.file == id.file
            && self.manager == id.manager
            && (self.manager != Manager::Nobody || listens() || has_process())
    }

    /// It as JSON.
    pub fn json(&self) -> Value {
        let (manager, unit) = report::manager(&self.manager);
        json!({
            "program": self.program,
            "file": self.file.as_deref().map(printable::path),
            "manager": manager,
            "unit": unit,
            "ports": self.ports,
            "pids": self.pids,
        })
    }
}

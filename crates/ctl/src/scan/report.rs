//! What a scan has found, for people and as JSON.

use super::kind::KINDS;
use super::loaded::Loaded;
use super::manager::Manager;
use super::netstat::{COUNTERS, Values};
use super::services::{FOUND, Service, Side};
use crate::printable;
use serde_json::{Map, Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The result of a scan.
#[derive(Debug)]
pub struct Report {
    /// When it began.
    pub started: SystemTime,
    /// How long it ran.
    pub time: Duration,
    /// Whether the kernel tells why it sends a reset.
    pub tells_why: bool,
    /// The services, that with the most connections first.
    pub services: Vec<Service>,
    /// What was cut off by services beyond the number that is kept apart.
    pub others: [u64; KINDS.len()],
    /// Programs that have softclose.
    pub loaded: Vec<Loaded>,
    /// Events that were lost.
    pub lost: u64,
    /// How much the kernel's counters have grown.
    pub counters: Values,
}

impl Report {
    /// Connections cut off.
    pub fn total(&self) -> u64 {
        self.services.iter().map(Service::total).sum::<u64>() + self.others.iter().sum::<u64>()
    }

    /// The report as JSON. docs/operations.md has the fields.
    pub fn json(&self) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "started": self.started.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs(),
            "seconds": self.time.as_secs_f64(),
            "tells_why": self.tells_why,
            "cut_off": self.total(),
            "lost_events": self.lost,
            "services": self.services.iter().map(service).collect::<Vec<_>>(),
            "others": kinds(&self.others),
            "loaded": self.loaded.iter().map(Loaded::json).collect::<Vec<_>>(),
            "kernel_counters": named(COUNTERS.into_iter().zip(self.counters)),
        })
    }
}

fn service(service: &Service) -> Value {
    let mut pids: Vec<_> = service.pids.iter().copied().collect();
    pids.sort_unstable();
    let id = &service.id;
    let (side, port) = match id.side {
        Side::Server(port) => ("server", Some(port)),
        Side::Client(port) => ("client", Some(port)),
        Side::Unknown => ("unknown", None),
    };
    json!({
        "program": id.program,
        "file": id.file.as_deref().map(printable::path),
        "manager": manager(&id.manager).0,
        "unit": manager(&id.manager).1,
        "side": side,
        "port": port,
        "pids": pids,
        "cut_off": kinds(&service.cut_off),
        "found": named(FOUND.iter().map(|(_, name)| *name).zip(service.found)),
        "softclose": service.remedy.word(),
        "notes": service.remedy.notes(),
        "steps": service.remedy.steps(&id.manager),
    })
}

/// Who starts a service: what kind of a manager, and its name for the service.
pub fn manager(manager: &Manager) -> (Option<&str>, Option<&str>) {
    match manager {
        Manager::Unit(name) => (Some("systemd"), Some(name)),
        Manager::UserUnit(name) => (Some("systemd --user"), Some(name)),
        Manager::Container(engine, id) => (Some(engine), Some(id)),
        Manager::Inner(name, _) => (Some("systemd in a container"), Some(name)),
        Manager::Nobody => (None, None),
    }
}

fn kinds(counts: &[u64; KINDS.len()]) -> Value {
    named(KINDS.iter().map(|(_, name, _)| *name).zip(*counts))
}

fn named<'a>(all: impl Iterator<Item = (&'a str, u64)>) -> Value {
    all.map(|(name, number)| (name.to_owned(), number.into())).collect::<Map<_, _>>().into()
}

//! The services that cut off connections: programs, by what starts them and by port.

use super::kind::{KINDS, Kind};
use super::manager::Manager;
use super::remedy::Remedy;
use super::who::Who;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

/// Which end of the connections it is, and the port of the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// It listens on this port.
    Server(u16),
    /// It connects to this port.
    Client(u16),
    /// Nobody listens on either port, and both may be those of a client: each connection would be a service of its own.
    Unknown,
}

/// What tells one service from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ServiceId {
    /// The name of the program.
    pub program: String,
    /// The file that it executes, if that is known.
    pub file: Option<PathBuf>,
    /// Who starts it.
    pub manager: Manager,
    /// Its end of the connections, and the port.
    pub side: Side,
}

/// How the process behind an event was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FoundBy {
    /// Its own thread did it.
    Thread,
    /// It had closed the connection before.
    Closer,
    /// It listens on the port. The process that closed the connection may be one of its children, which has ended.
    Listener,
    /// Several programs have a socket that listens on that port: in several network namespaces, or the same one.
    Several,
    /// Nobody is there any more.
    Nobody,
}

/// All ways, with their names in JSON.
pub const FOUND: [(FoundBy, &str); 5] = [
    (FoundBy::Thread, "thread"),
    (FoundBy::Closer, "closer"),
    (FoundBy::Listener, "listener"),
    (FoundBy::Several, "several"),
    (FoundBy::Nobody, "nobody"),
];

/// One service, with what it has cut off.
#[derive(Clone, Debug)]
pub struct Service {
    /// Which one it is.
    pub id: ServiceId,
    /// The pids that were seen, up to a number.
    pub pids: HashSet<u32>,
    /// Connections cut off, by [`KINDS`].
    pub cut_off: [u64; KINDS.len()],
    /// How the process was found, by [`FOUND`].
    pub found: [u64; FOUND.len()],
    /// Whether softclose would help.
    pub remedy: Remedy,
    /// How often that was asked.
    asked: usize,
}

impl Service {
    /// Connections cut off, in any way.
    pub fn total(&self) -> u64 {
        self.cut_off.iter().sum()
    }

    /// Connections cut off in one way.
    pub fn of(&self, kind: Kind) -> u64 {
        self.cut_off[kind as usize]
    }
}

/// All services, up to a number.
#[derive(Debug, Default)]
pub struct Services {
    all: HashMap<ServiceId, Service>,
    /// What was cut off by services beyond that number, by [`KINDS`].
    pub others: [u64; KINDS.len()],
}

impl Services {
    /// More are counted together: a host has tens of them, and a client that connects to every port makes thousands.
    pub const MOST: usize = 200;
    /// Most pids of one service.
    const PIDS: usize = 1000;

    /// Counts a connection that was cut off.
    pub fn count(&mut self, id: ServiceId, who: Option<&Who>, kind: Kind, found: FoundBy) {
        if self.all.len() >= Self::MOST && !self.all.contains_key(&id) {
            self.others[kind as usize] += 1;
            return;
        }
        let service = self.all.entry(id).or_insert_with_key(|id| Service {
            id: id.clone(),
            pids: HashSet::new(),
            cut_off: [0; KINDS.len()],
            found: [0; FOUND.len()],
            remedy: Remedy::Unknown,
            asked: 0,
        });
        service.cut_off[kind as usize] += 1;
        service.found[found as usize] += 1;
        if let Some(who) = who {
            service.see(who);
        }
    }

    /// Connections cut off by all services.
    pub fn total(&self) -> u64 {
        self.all.values().map(Service::total).sum::<u64>() + self.others.iter().sum::<u64>()
    }

    /// The services, that with the most connections first.
    pub fn sorted(&self) -> Vec<&Service> {
        let mut all: Vec<_> = self.all.values().collect();
        all.sort_by(|one, other| other.total().cmp(&one.total()).then_with(|| one.id.cmp(&other.id)));
        all
    }
}

impl Service {
    /// Notes a process. What can be done is found out by the first that still runs: soon, as it may end.
    fn see(&mut self, who: &Who) {
        /// Of a program that never lives so long, more would be found out no better.
        const ATTEMPTS: usize = 20;
        if self.pids.len() < Services::PIDS {
            self.pids.insert(who.pid);
        }
        if self.remedy == Remedy::Unknown && who.file.is_some() && self.asked < ATTEMPTS {
            self.asked += 1;
            self.remedy = Remedy::of(who);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(port: u16) -> ServiceId {
        ServiceId { program: "p".into(), file: None, manager: Manager::Nobody, side: Side::Client(port) }
    }

    #[test]
    fn beyond_a_number_services_are_counted_together() {
        let mut services = Services::default();
        for port in 0..Services::MOST as u16 + 5 {
            services.count(name(port), None, Kind::Late, FoundBy::Nobody);
        }
        services.count(name(3), None, Kind::Unread, FoundBy::Nobody);
        assert_eq!((services.all.len(), services.others[Kind::Late as usize]), (Services::MOST, 5));
        assert_eq!(services.total(), Services::MOST as u64 + 6);
        let first = services.sorted()[0];
        assert_eq!((first.id.side, first.of(Kind::Unread), first.total()), (Side::Client(3), 1, 2));
    }

    #[test]
    fn the_tables_are_in_the_order_of_their_enums() {
        assert!(KINDS.iter().enumerate().all(|(at, (kind, ..))| *kind as usize == at));
        assert!(FOUND.iter().enumerate().all(|(at, (found, _))| *found as usize == at));
    }
}

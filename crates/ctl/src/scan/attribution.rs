//! From events to services: who has cut off which connection.

use super::closers::Closers;
use super::event::{Event, Fin, Flow, Reset};
use super::listeners::Listeners;
use super::services::{FoundBy, ServiceId, Services, Side};
use super::who::{ThreadCache, Who};
use std::rc::Rc;
use std::time::Instant;

/// Closes that are remembered: some ten megabytes.
const REMEMBERED: usize = 65_536;

/// The most resets that wait for the next round.
const WAITING: usize = 50_000;

/// Everything that is known while a scan runs. All of it is bounded.
#[derive(Debug)]
pub struct Attribution {
    threads: ThreadCache,
    closers: Closers,
    listeners: Listeners,
    /// Resets of this round that name no thread.
    waiting: Vec<Reset>,
    /// Those of the round before.
    kept: Vec<Reset>,
    undecided: Vec<Undecided>,
    /// When this round began: what is read later is new enough for its events.
    round: Instant,
    /// What was found.
    pub services: Services,
}

/// A reset whose process is gone or not known, until it is known who listens on that port.
#[derive(Debug)]
struct Undecided {
    reset: Reset,
    /// A process that is ending: procfs tells its name, but not its file any more.
    ending: Option<(Rc<Who>, FoundBy)>,
    since: Instant,
}

/// A process and how it was found.
struct Origin {
    who: Option<Rc<Who>>,
    found: FoundBy,
    /// The name of the program, or of several that may be meant.
    program: String,
}

impl Attribution {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self {
            threads: ThreadCache::default(),
            closers: Closers::new(REMEMBERED),
            listeners: Listeners::now(),
            waiting: Vec::new(),
            kept: Vec::new(),
            undecided: Vec::new(),
            round: Instant::now(),
            services: Services::default(),
        }
    }

    /// Begins a round of events.
    pub fn begin_round(&mut self) {
        self.round = Instant::now();
        self.listeners.begin_round();
    }

    /// Takes one event. Whoever did it may end at any time, so it is looked up at once.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Fin(fin) => self.remember(&fin),
            Event::Reset(reset) if reset.thread.is_none() && self.waiting.len() < WAITING => self.waiting.push(reset),
            Event::Reset(reset) => self.look_up(reset),
        }
    }

    /// Ends a round. A reset that names no thread is looked up one round later: the close before it may have happened on
    /// a processor whose events were read too early.
    pub fn end_round(&mut self) {
        let kept = std::mem::replace(&mut self.kept, std::mem::take(&mut self.waiting));
        let undecided = std::mem::take(&mut self.undecided);
        undecided.into_iter().for_each(|one| self.ask_listeners(one));
        kept.into_iter().for_each(|reset| self.look_up(reset));
    }

    /// Prepares the last rounds: from now on nothing is put off.
    pub fn hurry(&mut self) {
        self.listeners.hurry();
    }

    /// What was cut off, of which some may not be in the services yet.
    pub fn total(&self) -> u64 {
        self.services.total() + (self.waiting.len() + self.kept.len() + self.undecided.len()) as u64
    }

    fn remember(&mut self, fin: &Fin) {
        let who = self.threads.who(fin.thread);
        self.closers.remember(fin, who);
    }

    /// Finds the process that has done it: by its thread, else by the close that is remembered, else by who listens.
    fn look_up(&mut self, reset: Reset) {
        let thread = reset.thread.and_then(|thread| self.threads.who(thread));
        let by_thread = thread.map(|who| (who, FoundBy::Thread));
        let closer = || Some((self.closers.who(&reset.flow, reset.socket)?, FoundBy::Closer));
        match by_thread.or_else(closer) {
            Some((who, found)) if who.file.is_some() => self.count(&reset, Origin::of(who, found)),
            ending => self.ask_listeners(Undecided { reset, ending, since: self.round }),
        }
    }

    fn ask_listeners(&mut self, one: Undecided) {
        match self.listeners.owners(&one.reset.flow, one.since) {
            Some(owners) => self.count(&one.reset, Origin::among(owners, one.ending)),
            None if self.undecided.len() < WAITING => self.undecided.push(one),
            None => self.count(&one.reset, Origin::among(Vec::new(), one.ending)),
        }
    }

    fn count(&mut self, reset: &Reset, Origin { who, found, program }: Origin) {
        let is_server = match (&who, found) {
            (_, FoundBy::Listener | FoundBy::Several) => true,
            (Some(who), _) => self.listeners.is_server(who.pid, &reset.flow),
            (None, _) => self.listeners.is_known(&reset.flow),
        };
        let Flow { local: (_, local), peer: (_, peer) } = reset.flow;
        let side = if is_server { Side::Server(local) } else { side(local, peer) };
        let file = who.as_ref().and_then(|who| who.file.clone());
        let manager = who.as_ref().map(|who| who.manager.clone()).unwrap_or_default();
        self.services.count(ServiceId { program, file, manager, side }, who.as_deref(), reset.kind, found);
    }
}

impl Origin {
    fn of(who: Rc<Who>, found: FoundBy) -> Self {
        Self { program: who.program.clone(), who: Some(who), found }
    }

    /// The listener on the port. It must be kin to the process that is ending, if there is one: another may have that port
    /// in another network namespace.
    fn among(mut owners: Vec<Rc<Who>>, ending: Option<(Rc<Who>, FoundBy)>) -> Self {
        if let Some((ending, _)) = &ending {
            // A child is in the control group of its parent. It may have been moved, but has the parent's name then.
            let is_near = |who: &Who| who.manager == ending.manager;
            let is_kin = |who: &Who| is_near(who) || who.program.starts_with(&ending.program);
            let has_near = owners.iter().any(|who| is_near(who));
            owners.retain(|who| if has_near { is_near(who) } else { is_kin(who) });
        }
        match (&owners[..], ending) {
            ([one], _) => Self::of(Rc::clone(one), FoundBy::Listener),
            ([], Some((who, found))) => Self::of(who, found),
            ([], None) => Self { who: None, found: FoundBy::Nobody, program: "(ended)".to_owned() },
            ([..], _) => Self { who: None, found: FoundBy::Several, program: any_of(&owners) },
        }
    }
}

/// Which end of a connection it is whose port has no listener any more, by the range that clients get their ports from
/// (`net.ipv4.ip_local_port_range`, by default).
fn side(local: u16, peer: u16) -> Side {
    const FIRST: u16 = 32_768;
    match (local < FIRST, peer < FIRST) {
        (true, false) => Side::Server(local),
        (_, true) => Side::Client(peer),
        (false, false) => Side::Unknown,
    }
}

/// The names of several programs, in one.
fn any_of(owners: &[Rc<Who>]) -> String {
    const SHOWN: usize = 3;
    let mut names: Vec<_> = owners.iter().map(|who| who.program.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let more = if names.len() > SHOWN { " or others" } else { "" };
    names.truncate(SHOWN);
    names.join(" or ") + more
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::super::manager::Manager;
    use super::*;
    use std::net::Ipv6Addr;

    fn reset(local: u16, peer: u16, thread: Option<u32>) -> Reset {
        let flow = Flow { local: (Ipv6Addr::LOCALHOST, local), peer: (Ipv6Addr::LOCALHOST, peer) };
        Reset { kind: Kind::Late, flow, socket: Some(1), thread }
    }

    fn found(attribution: &Attribution) -> Vec<(Side, [u64; 5])> {
        attribution.services.sorted().iter().map(|service| (service.id.side, service.found)).collect()
    }

    /// The close is in the buffer of another processor, which was read before the reset.
    #[test]
    fn a_reset_waits_for_the_close_before_it() {
        let mut attribution = Attribution::new();
        let reset = reset(80, 40_000, None);
        attribution.begin_round();
        attribution.take(Event::Reset(reset));
        attribution.end_round();
        assert_eq!((attribution.total(), attribution.services.total()), (1, 0));
        attribution.begin_round();
        attribution.take(Event::Fin(Fin { flow: reset.flow, socket: 1, thread: std::process::id() }));
        attribution.end_round();
        assert_eq!(found(&attribution), [(Side::Server(80), [0, 1, 0, 0, 0])]);
    }

    #[test]
    fn ports_tell_the_side_where_nobody_listens() {
        assert_eq!(side(443, 50_000), Side::Server(443));
        assert_eq!(side(50_000, 443), Side::Client(443));
        assert_eq!(side(50_000, 50_001), Side::Unknown);
    }

    #[test]
    fn nobody_is_found_where_nobody_is_there() {
        let mut attribution = Attribution::new();
        attribution.hurry();
        attribution.begin_round();
        attribution.take(Event::Reset(reset(40_001, 7, Some(u32::MAX))));
        attribution.end_round();
        assert_eq!(found(&attribution), [(Side::Client(7), [0, 0, 0, 0, 1])]);
    }

    /// It may be in another network namespace.
    #[test]
    fn a_listener_that_is_no_kin_is_not_meant() {
        let who = |pid, name: &str, manager| Rc::new(Who { pid, program: name.into(), file: None, manager });
        let other = vec![who(2, "nginx", Manager::Nobody)];
        let ending = who(3, "sshd", Manager::Unit("ssh@.service".into()));
        let found = Origin::among(other, Some((ending, FoundBy::Thread)));
        assert_eq!((found.found, found.program.as_str()), (FoundBy::Thread, "sshd"));
    }

    #[test]
    fn of_several_listeners_that_of_the_same_unit_is_meant() {
        let who = |pid, name: &str, unit: &str| {
            Rc::new(Who { pid, program: name.into(), file: Some(name.into()), manager: Manager::Unit(unit.into()) })
        };
        let owners = vec![who(1, "nginx", "a.service"), who(2, "envoy", "b.service")];
        let unsure = Origin::among(owners.clone(), None);
        assert_eq!((unsure.found, unsure.program.as_str()), (FoundBy::Several, "envoy or nginx"));
        let child = |name, unit| Some((who(3, name, unit), FoundBy::Thread));
        let sure = Origin::among(owners.clone(), child("child", "b.service"));
        assert_eq!((sure.found, sure.program.as_str()), (FoundBy::Listener, "envoy"));
        let moved = Origin::among(owners.clone(), child("nginx", "session.service"));
        assert_eq!((moved.found, moved.program.as_str()), (FoundBy::Listener, "nginx"));
    }
}

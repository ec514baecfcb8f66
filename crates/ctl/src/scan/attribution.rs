//! From events to services: who has cut off which connection.

use super::closers::Closers;
use super::event::{Closing, Event, Flow, Reset};
use super::listeners::Listeners;
use super::services::{Found, Name, Services, Side};
use super::who::{Known, Who};
use std::rc::Rc;

/// Closes that are remembered: some ten megabytes.
const REMEMBERED: usize = 65_536;

/// The most resets that wait for the next round.
const WAITING: usize = 50_000;

/// Everything that is known while a scan runs. All of it is bounded.
#[derive(Debug)]
pub struct Attribution {
    known: Known,
    closers: Closers,
    listeners: Listeners,
    /// Resets of this round that name no thread.
    waiting: Vec<Reset>,
    /// Those of the round before.
    kept: Vec<Reset>,
    /// What was found.
    pub services: Services,
}

/// A process and how it was found. Of several candidates it is the first.
struct Finding {
    who: Option<Rc<Who>>,
    found: Found,
    /// The name of the program, where it is none of one process.
    program: String,
}

impl Attribution {
    /// Nothing has happened yet.
    pub fn new() -> Self {
        Self {
            known: Known::default(),
            closers: Closers::new(REMEMBERED),
            listeners: Listeners::now(),
            waiting: Vec::new(),
            kept: Vec::new(),
            services: Services::default(),
        }
    }

    /// Begins a round of events.
    pub fn begin_round(&mut self) {
        self.listeners.begin_round();
    }

    /// Takes one event. Whoever did it may end at any time, so it is looked up at once.
    pub fn take(&mut self, event: Event) {
        match event {
            Event::Closing(closing) => self.remember(&closing),
            Event::Reset(reset) if reset.thread.is_none() && self.waiting.len() < WAITING => self.waiting.push(reset),
            Event::Reset(reset) => self.count(&reset),
        }
    }

    /// Ends a round. A reset that names no thread is counted one round later: the close before it may have happened on
    /// a processor whose events were read too early.
    pub fn end_round(&mut self) {
        let kept = std::mem::replace(&mut self.kept, std::mem::take(&mut self.waiting));
        kept.iter().for_each(|reset| self.count(reset));
    }

    fn remember(&mut self, closing: &Closing) {
        let who = self.known.who(closing.thread);
        self.closers.remember(closing, who);
    }

    fn count(&mut self, reset: &Reset) {
        let Finding { who, found, program } = self.find(reset);
        let is_server = match (&who, found) {
            (_, Found::Listener | Found::Several) => true,
            (Some(who), _) => self.listeners.is_server(who.pid, &reset.flow),
            (None, _) => self.listeners.is_known(&reset.flow),
        };
        let Flow { local, peer } = reset.flow;
        let side = if is_server { Side::Server(local.1) } else { Side::Client(peer.1) };
        let who = who.filter(|_| found != Found::Several);
        let file = who.as_ref().and_then(|who| who.file.clone());
        let manager = who.as_ref().map(|who| who.manager.clone()).unwrap_or_default();
        self.services.count(Name { program, file, manager, side }, who.as_deref(), reset.kind, found);
    }

    /// The process that has done it: by its thread, else by the close that is remembered, else by who listens there.
    fn find(&mut self, reset: &Reset) -> Finding {
        let thread = reset.thread.and_then(|thread| self.known.who(thread));
        let by_thread = thread.map(|who| (who, Found::Thread));
        let closer = || Some((self.closers.who(&reset.flow, reset.socket)?, Found::Closer));
        let direct = by_thread.or_else(closer);
        match direct {
            Some((who, found)) if who.file.is_some() => Finding { program: who.program.clone(), who: Some(who), found },
            // It is ending, and procfs knows its name only.
            ending => self.listener(&reset.flow, ending),
        }
    }

    fn listener(&mut self, flow: &Flow, ending: Option<(Rc<Who>, Found)>) -> Finding {
        let mut owners = self.listeners.owners(flow);
        // A child has the name of its parent, or at least its control group.
        let is_kin = |who: &Rc<Who>| ending.as_ref().is_none_or(|(ending, _)| ending.manager == who.manager);
        if owners.iter().any(is_kin) {
            owners.retain(is_kin);
        }
        match (&owners[..], ending) {
            ([one], _) => Finding { program: one.program.clone(), who: Some(Rc::clone(one)), found: Found::Listener },
            ([], Some((who, found))) => Finding { program: who.program.clone(), who: Some(who), found },
            ([], None) => Finding { who: None, found: Found::Nobody, program: "(ended)".to_owned() },
            ([first, ..], _) => {
                Finding { who: Some(Rc::clone(first)), found: Found::Several, program: any_of(&owners) }
            }
        }
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

//! What every part of one process' softclose uses: settings, counters, the log,
//! and what only the injector can tell.
//!
//! Context: any. Built once by the constructor, never freed.

use crate::bounds::{End, Outcome};
use crate::counters::Counters;
use crate::log::note::Note;
use crate::log::{Line, Log};
use crate::settings::{LogLevel, Settings, Strategy};
use crate::sys::clock::Millis;
use crate::sys::known_directory::KnownDirectory;
use crate::sys::socket::Role;
use crate::sys::{Fd, socket};

/// What only the injector can tell about or do to the program.
#[derive(Clone, Copy)]
pub struct Host {
    /// Whether the program surely has one thread.
    pub is_single_threaded: fn() -> bool,
    /// Does with the streams of stdio what libc does last of all at `exit`, without waiting
    /// for a lock. False where that has to wait for somebody, unless it may (`true`).
    pub flush_streams: fn(bool) -> bool,
}

/// The common ground.
pub struct Context {
    /// What the user has set.
    pub settings: &'static Settings,
    /// What was done.
    pub counters: Counters,
    /// What is told.
    pub log: Log,
    /// What the injector provides.
    pub host: Host,
    /// Where that lies which finishes the connections of a process that has ended.
    pub finisher: Option<&'static KnownDirectory>,
    /// The processors that the process was started on; see [`schedule`](crate::sys::schedule).
    pub processors: &'static [u8],
}

/// A drain that is over.
#[derive(Clone, Copy)]
pub struct Ended<'a> {
    /// The connection, where it is still ours.
    pub fd: Option<Fd>,
    /// What it was like.
    pub note: Option<&'a Note>,
    /// By which strategy.
    pub strategy: Strategy,
    /// How it ended.
    pub end: End,
    /// Bytes discarded.
    pub discarded: u64,
    /// When it began.
    pub begun: Millis,
}

impl Context {
    /// What a line about this connection will want to say, if there can be one.
    pub fn note(&self, fd: Fd, role: Role) -> Option<Note> {
        self.log.is_talkative().then(|| Note::of(fd, role))
    }

    /// Counts a drain that is over, and tells of it: before its descriptor is closed.
    #[inline(never)]
    pub fn ended(&self, ended: Ended<'_>) {
        let Ended { fd, note, strategy, end, discarded, begun } = ended;
        // A peer that has sent its FIN has what it wanted: only a line would say.
        let asks = end != End::Fin || self.log.is_talkative();
        let unacknowledged = fd.filter(|_| asks).map_or(0, socket::undelivered);
        let ms = Millis::now().since(begun);
        self.counters.ended(Outcome { end, discarded, unacknowledged, ms });
        let level = if end.is_orderly() { LogLevel::Debug } else { LogLevel::Info };
        self.report(level, |line| {
            line.text(" drained").connection(note).word("strategy", strategy.name()).word("end", end.name());
            line.field("discarded", discarded).field("unacknowledged", u64::from(unacknowledged));
            line.field("ms", u64::from(ms));
        });
    }

    /// Whether the program surely has one thread.
    pub fn is_single_threaded(&self) -> bool {
        (self.host.is_single_threaded)()
    }

    /// Writes a line, if lines of this level are wanted.
    #[inline(never)]
    pub fn report(&self, level: LogLevel, fill: impl FnOnce(&mut Line)) {
        if self.log.wants(level) {
            let mut line = self.log.line(level);
            fill(&mut line);
            self.log.write(line.end(), &self.counters);
        }
    }
}

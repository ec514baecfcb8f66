//! What every part of softclose uses in one process: settings, counters, the log, and what only
//! the shim can tell of the program.
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

/// What only the shim can tell of the program, or do in it.
#[derive(Clone, Copy)]
pub struct Host {
    /// Whether the program surely has one thread.
    pub is_single_threaded: fn() -> bool,
    /// Writes out the streams of stdio, as libc does last of all at `exit`, without waiting for a
    /// lock. With `false` it does not wait for a reader either, and answers false if it had to.
    pub flush_streams: fn(bool) -> bool,
}

/// Settings, counters, log, and the program that they belong to.
pub struct Context {
    /// The settings in force.
    pub settings: &'static Settings,
    /// The counters of this process and its fork children.
    pub counters: Counters,
    /// The log.
    pub log: Log,
    /// What the shim provides.
    pub host: Host,
    /// The directory of `softclose-drain`, if it may be used.
    pub finisher: Option<&'static KnownDirectory>,
    /// The processors that the process was started on; see [`schedule`](crate::sys::schedule).
    pub processors: &'static [u8],
}

/// A drain that is over.
#[derive(Clone, Copy)]
pub struct Ended<'a> {
    /// The connection, if we still hold it.
    pub fd: Option<Fd>,
    /// What log lines say of it.
    pub note: Option<&'a Note>,
    /// By which strategy.
    pub strategy: Strategy,
    /// How it ended.
    pub end: End,
    /// Bytes discarded.
    pub discarded: u64,
    /// When it began; `None`: less than a millisecond ago.
    pub begun: Option<Millis>,
}

impl Context {
    /// What log lines will say of this connection; `None` if nothing is logged.
    pub fn note(&self, fd: Fd, role: Role) -> Option<Note> {
        self.log.is_talkative().then(|| Note::of(fd, role))
    }

    /// Counts and logs a drain that is over. To be called before its descriptor is closed.
    #[inline(never)]
    pub fn ended(&self, ended: Ended<'_>) {
        let Ended { fd, note, strategy, end, discarded, begun } = ended;
        // A peer that has sent its FIN has all that it wanted; only a log line would say more.
        let asks = end != End::Fin || self.log.is_talkative();
        let unacknowledged = fd.filter(|_| asks).map_or(0, socket::undelivered);
        let ms = begun.map_or(0, |begun| Millis::now().since(begun));
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

    /// Writes a log line that `fill` fills, if lines of this level are wanted.
    #[inline]
    pub fn report(&self, level: LogLevel, fill: impl FnOnce(&mut Line)) {
        if self.log.wants(level) {
            self.write_line(level, fill);
        }
    }

    #[cold]
    #[inline(never)]
    fn write_line(&self, level: LogLevel, fill: impl FnOnce(&mut Line)) {
        let mut line = self.log.line(level);
        fill(&mut line);
        self.log.write(line.end(), &self.counters);
    }
}

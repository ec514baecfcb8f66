//! What every part of one process' softclose uses: settings, counters, the log,
//! and what only the injector can tell.
//!
//! Context: any. Built once by the constructor, never freed.

use crate::counters::Counters;
use crate::log::{Line, Log};
use crate::settings::{LogLevel, Settings};

/// What only the injector can tell about or do to the program.
#[derive(Clone, Copy)]
pub struct Host {
    /// Whether the program surely has one thread.
    pub is_single_threaded: fn() -> bool,
    /// Writes out what stdio has buffered, without waiting for a lock.
    pub flush_streams: fn(),
    /// From now on a write to a half-closed socket must not kill the process.
    pub ignore_sigpipe: fn(),
}

/// The common ground.
pub struct Common {
    /// What the user has set.
    pub settings: Settings,
    /// What was done.
    pub counters: Counters,
    /// What is told.
    pub log: Log,
    /// What the injector provides.
    pub host: Host,
}

impl Common {
    /// Whether the program surely has one thread.
    pub fn is_single_threaded(&self) -> bool {
        (self.host.is_single_threaded)()
    }

    /// Writes a line, if lines of this level are wanted.
    #[inline(never)]
    pub fn report(&self, level: LogLevel, fill: impl FnOnce(&mut Line)) {
        if self.log.wants(level) {
            let mut line = Line::begin();
            fill(&mut line);
            self.log.write(line.end(), &self.counters);
        }
    }
}

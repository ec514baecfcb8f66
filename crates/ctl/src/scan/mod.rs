//! `softclosectl scan`: which services of this host cut off responses. Nothing is restarted or preloaded for it: the
//! kernel is asked, by its tracepoint `tcp:tcp_send_reset`.
//!
//! From the kernel to the report:
//!
//! | file | one idea |
//! |---|---|
//! | [`tracefs`] | where the kernel's tracing is |
//! | [`instance`] | a trace instance of our own, which is removed in any case |
//! | [`ring`] | reading the buffers of all processors |
//! | [`page`] | one page of a buffer, in binary |
//! | [`description`] | what a record looks like on this kernel |
//! | [`event`] | what a record means |
//! | [`kind`] | in which way a connection was cut off |
//! | [`who`], [`manager`] | the program of a thread, and what starts it |
//! | [`closers`] | who has closed which connection |
//! | [`listeners`], [`namespaces`] | who listens on which port |
//! | [`attribution`] | from events to services |
//! | [`services`] | the counts |
//! | [`remedy`], [`command_line`], [`place`] | whether softclose would help, and what to do |
//! | [`loaded`] | which programs have it already |
//! | [`netstat`] | the kernel's counters, to compare |
//! | [`report`], [`text`], [`advice`] | what is shown |
//! | [`baseline`], [`compare`] | what is kept, and compared |
//! | [`watch`] | the live table |
//!
//! Context: root, on a busy host. Everything that grows has a bound, and every name that another process has chosen is
//! made harmless before it is shown.

pub mod advice;
pub mod attribution;
pub mod baseline;
pub mod closers;
pub mod command_line;
pub mod compare;
pub mod description;
pub mod event;
pub mod instance;
pub mod kind;
pub mod listeners;
pub mod loaded;
pub mod manager;
pub mod namespaces;
pub mod netstat;
pub mod page;
pub mod place;
pub mod remedy;
pub mod report;
pub mod ring;
#[cfg(test)]
mod samples;
pub mod services;
pub mod text;
pub mod tracefs;
mod watch;
pub mod who;

use crate::args;
use crate::human;
use crate::signals::Signals;
use crate::top::terminal;
use anyhow::{Context, Result, anyhow, ensure};
use attribution::Attribution;
use baseline::Baseline;
use description::Description;
use event::Decoder;
use instance::Instance;
use loaded::Loaded;
use netstat::Netstat;
use page::PageLayout;
use report::Report;
use ring::Ring;
use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant, SystemTime};
use tracefs::Tracefs;

/// Scans as the options say, and prints what was found.
pub fn run(options: &args::Scan) -> Result<()> {
    ensure!(
        !options.watch || terminal::is_there(),
        "--watch needs a terminal to draw on: scan prints to anything without it"
    );
    let tracefs = Tracefs::find()?;
    // A bad file is an error before the scan, not after it.
    let before = options.compare.as_deref().map(compare::read).transpose()?;
    let baseline = options.baseline.as_deref().map(Baseline::open).transpose()?;
    let report = scan(options, &tracefs)?;
    let json = report.json();
    // If that fails, what was found is printed all the same.
    let written = baseline.map_or(Ok(()), |baseline| baseline.write(&json));
    crate::print(&match before {
        _ if options.json => serde_json::to_string_pretty(&json)? + "\n",
        Some(before) => compare::text(&before, &json) + "\n" + &text::text(&report),
        None => text::text(&report),
    })?;
    written
}

/// Scans for the time that the options say, or until a signal comes.
fn scan(options: &args::Scan, tracefs: &Tracefs) -> Result<Report> {
    const USUAL: Duration = Duration::from_secs(60);
    let signals = Signals::catch()?;
    let mut scan = Scan::begin(tracefs)?;
    match options.time {
        time if options.watch => watch::watch(&mut scan, &signals, time.unwrap_or(Duration::MAX))?,
        time => observe(&mut scan, &signals, time.unwrap_or(USUAL))?,
    }
    let report = scan.end()?;
    signals.let_go();
    Ok(report)
}

fn observe(scan: &mut Scan, signals: &Signals, time: Duration) -> Result<()> {
    let mut progress = Progress::new(time);
    while scan.is_on(time, signals) {
        scan.step(time)?;
        progress.show(scan);
    }
    progress.clear();
    Ok(())
}

/// A scan that runs.
struct Scan {
    ring: Ring,
    decoder: Decoder,
    attribution: Attribution,
    started: SystemTime,
    began: Instant,
    /// When it has read events last.
    last: Instant,
    counters: Netstat,
}

impl Scan {
    /// Enables the tracepoints. What is already so is looked at before, so that no event waits for that.
    fn begin(tracefs: &Tracefs) -> Result<Self> {
        let describe =
            |name: &str| tracefs.read(&format!("events/{name}/format")).map(|text| Description::parse(&text));
        let (reset, fin) = (describe(RESET)?, describe(SET_STATE).ok());
        let decoder = Decoder::of(&reset, fin.as_ref())
            .map_err(|field| anyhow!("the tracepoint tcp:tcp_send_reset of this kernel has no field {field}"))?;
        let attribution = Attribution::new();
        let instance = Instance::new(tracefs)?;
        // An instance can have pages of another size than the rest (Linux 6.9).
        let header = tracefs::read(&instance.path("events/header_page"));
        let header = header.or_else(|_| tracefs.read("events/header_page"))?;
        let layout = PageLayout::of(&Description::parse(&header)).context("events/header_page is not understood")?;
        instance.enable(RESET, &decoder.reasons().filter())?;
        if fin.is_some() {
            instance.enable(SET_STATE, FINS)?;
        }
        let counters = Netstat::now();
        let ring = Ring::open(instance, layout)?;
        let (started, began) = (SystemTime::now(), Instant::now());
        Ok(Self { ring, decoder, attribution, started, began, last: began, counters })
    }

    /// Whether it is to go on.
    fn is_on(&self, time: Duration, signals: &Signals) -> bool {
        self.began.elapsed() < time && !signals.asked()
    }

    /// Waits for events, but not beyond the end of the scan, and reads them.
    fn step(&mut self, time: Duration) -> Result<()> {
        /// Resets that name no thread are counted by then, and the progress is shown.
        const LONGEST: Duration = Duration::from_millis(200);
        /// After so long without events, the next one is read at once: its process may be ending.
        const QUIET: Duration = Duration::from_millis(10);
        /// Else several are read together, so that a busy host does not wake this process for each.
        const PAUSE: Duration = Duration::from_millis(5);
        let left = time.saturating_sub(self.began.elapsed());
        self.ring.wait(LONGEST.min(left));
        if self.last.elapsed() < QUIET {
            std::thread::sleep(PAUSE.min(left));
        }
        self.last = Instant::now();
        self.round().map(drop)
    }

    /// Reads what has happened. Returns whether there may be more.
    fn round(&mut self) -> Result<bool> {
        let Self { ring, decoder, attribution, .. } = self;
        attribution.begin_round();
        let is_more = ring.read(|record| {
            if let Some(event) = decoder.event(record) {
                attribution.take(event);
            }
        })?;
        attribution.end_round();
        Ok(is_more)
    }

    /// Ends it: nothing more is traced, and what is in the buffers is read.
    fn end(mut self) -> Result<Report> {
        /// The buffers are empty long before.
        const ROUNDS: usize = 100;
        let is_whole = self.ring.instance().traces(RESET);
        // If that fails, the rounds are bounded all the same.
        let _ = self.ring.instance().pause();
        let time = self.began.elapsed();
        self.attribution.hurry();
        for _ in 0..ROUNDS {
            if !self.round()? {
                break;
            }
        }
        // Resets that name no thread.
        self.round()?;
        let counters = Netstat::now().since(&self.counters);
        let services = &self.attribution.services;
        Ok(Report {
            started: self.started,
            time,
            tells_why: self.decoder.reasons().are_told(),
            services: services.sorted().into_iter().cloned().collect(),
            others: services.others,
            loaded: Loaded::now(),
            lost: self.ring.lost(),
            is_whole,
            counters,
        })
    }
}

/// The tracepoint of resets.
const RESET: &str = "tcp/tcp_send_reset";

/// The tracepoint of changes of state.
const SET_STATE: &str = "sock/inet_sock_set_state";

/// TCP, from `ESTABLISHED` or `CLOSE_WAIT` to `FIN_WAIT1` or `LAST_ACK`: a FIN is sent, by the thread that closes.
const FINS: &str = "protocol == 6 && (oldstate == 1 || oldstate == 8) && (newstate == 4 || newstate == 9)";

/// How often news is shown: a busy host has some two hundred times a second, and nobody can read that.
#[derive(Default)]
struct Pace(Option<Instant>);

impl Pace {
    fn is_due(&mut self) -> bool {
        const PAUSE: Duration = Duration::from_millis(100);
        let is_due = self.0.is_none_or(|last| last.elapsed() >= PAUSE);
        if is_due {
            self.0 = Some(Instant::now());
        }
        is_due
    }
}

/// A line on stderr that says how far the scan is, where that is a terminal.
struct Progress {
    is_shown: bool,
    time: Duration,
    pace: Pace,
}

impl Progress {
    fn new(time: Duration) -> Self {
        Self { is_shown: std::io::stderr().is_terminal(), time, pace: Pace::default() }
    }

    fn show(&mut self, scan: &Scan) {
        if !self.pace.is_due() {
            return;
        }
        let (now, total) = (human::duration(scan.began.elapsed()), human::duration(self.time));
        let connections = text::counted(scan.attribution.total(), "connection", " cut off");
        self.write(&format!("{now} of {total}, {connections}"));
    }

    fn clear(&self) {
        self.write("");
    }

    fn write(&self, line: &str) {
        if self.is_shown {
            // If that fails, there is nowhere left to say so.
            let _ = write!(std::io::stderr(), "\r\x1b[K{line}");
        }
    }
}

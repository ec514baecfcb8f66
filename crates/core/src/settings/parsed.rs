//! All settings, parsed.
//!
//! Context: pure data, which hooks read.

use super::role::RolePolicy;
use super::rules::Rules;
use super::strategy::Strategy;

/// What waits for the peer (`SOFTCLOSE_ENGINE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainBy {
    /// A background thread; `close(2)` returns at once.
    Thread,
    /// No thread: `close(2)` itself waits, within the bounds.
    Inline,
}

/// How much is written to the log (`SOFTCLOSE_LOG`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// Only what softclose could not do.
    Error,
    /// The same, and every drain that ended by a limit.
    Info,
    /// The same, and one line for every close of a TCP connection.
    Debug,
}

/// The values of all settings. Durations are in milliseconds, sizes in bytes. 0 in a bound means that
/// there is no bound, where the field does not say otherwise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Whether every hook leaves its call to the program.
    pub disable: bool,
    /// Longest time that one drain may take, in ms.
    pub timeout_ms: u32,
    /// Longest silence of the peer in a drain, in ms.
    pub idle_ms: u32,
    /// Most bytes discarded from one accepted connection.
    pub max_bytes: u64,
    /// Most bytes discarded from one connection that the program opened.
    pub connected_max_bytes: u64,
    /// Most sockets held at once; `None` means a quarter of `RLIMIT_NOFILE`, at most 4096.
    pub max_pending: Option<u32>,
    /// Longest time for drains and open connections at the end of a process, in ms; 0 means none.
    pub exit_timeout_ms: u32,
    /// How long `shutdown` leaves the receive side open, if no close follows, in ms; 0 leaves
    /// `shutdown` to the program.
    pub shutdown_grace_ms: u32,
    /// Which connections are closed gracefully.
    pub role: RolePolicy,
    /// The strategy of connections that no rule fits.
    pub strategy: Strategy,
    /// How long [`Strategy::PeerFirst`] waits for the peer's FIN before it sends its own, in ms.
    pub peer_first_ms: u32,
    /// Strategies for some connections.
    pub rules: Rules,
    /// What waits for the peer.
    pub engine: DrainBy,
    /// How much is logged.
    pub log: LogLevel,
    /// Where the log goes: a path, `syslog` or `syslog:PATH`; empty means stderr.
    pub log_file: String,
    /// Whether the counters are published in a stats file.
    pub stats: bool,
    /// The directory of the stats file; empty means the usual one.
    pub stats_dir: String,
}

impl Settings {
    /// The settings in force when no variable is set: what a program has that sets none, without a look at the
    /// table. A test compares them with [`KNOBS`](super::knobs::KNOBS).
    pub const DEFAULT: Self = Self {
        disable: false,
        timeout_ms: 30_000,
        idle_ms: 5_000,
        max_bytes: 64 << 20,
        connected_max_bytes: 1 << 20,
        max_pending: None,
        exit_timeout_ms: 2_000,
        shutdown_grace_ms: 50,
        role: RolePolicy::Both,
        strategy: Strategy::Drain,
        peer_first_ms: 200,
        rules: Rules::none(),
        engine: DrainBy::Thread,
        log: LogLevel::Off,
        log_file: String::new(),
        stats: true,
        stats_dir: String::new(),
    };
}

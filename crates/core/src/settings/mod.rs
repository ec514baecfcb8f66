//! What a user can set, and how it is read.
//!
//! [`knobs::KNOBS`] is the one definition of every variable: the launcher's
//! options, `--help`, the README table and the parser here are all made from it
//! or checked against it.
//!
//! Context: the constructor and the launcher. Parsing allocates; nothing here
//! is ever called from a hook, which only reads the finished [`Settings`].

pub mod knobs;
mod read;
pub mod rules;
pub mod strategy;
pub mod value;

pub use read::{Origin, Reading, Warning, read};
pub use rules::Rules;
pub use strategy::Strategy;

/// Which connections are closed gracefully (`SOFTCLOSE_ROLE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolePolicy {
    /// Accepted and connected sockets.
    Both,
    /// Only sockets that came from `accept(2)`.
    Accepted,
    /// Only sockets on which the program called `connect(2)`.
    Connected,
}

/// Who waits for the peer (`SOFTCLOSE_ENGINE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainBy {
    /// One background thread; `close(2)` returns at once.
    Thread,
    /// No thread: `close(2)` itself waits, within the bounds.
    Inline,
}

/// How much is written to the log (`SOFTCLOSE_LOG`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing, not even warnings about bad values after start-up.
    Off,
    /// Only what softclose could not do.
    Error,
    /// And every drain that ended by a limit.
    Info,
    /// And one line for every TCP close.
    Debug,
}

/// Everything a user can set, parsed. Durations are in milliseconds, sizes in
/// bytes; `0` in a bound means that there is no bound, as documented per knob.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Every hook passes through.
    pub disable: bool,
    /// Total time one drain may take, ms.
    pub timeout_ms: u32,
    /// Longest silence of the peer within a drain, ms.
    pub idle_ms: u32,
    /// Most bytes discarded from one accepted socket.
    pub max_bytes: u64,
    /// Most bytes discarded from one connected socket.
    pub connected_max_bytes: u64,
    /// Most sockets held at once; `None` is min(4096, RLIMIT_NOFILE / 4).
    pub max_pending: Option<u32>,
    /// Longest wait at process exit, ms; `0` means no wait.
    pub exit_timeout_ms: u32,
    /// How long after `shutdown` the receive side stays open at most, ms; `0` leaves
    /// `shutdown` alone.
    pub shutdown_grace_ms: u32,
    /// Which connections are closed gracefully.
    pub role: RolePolicy,
    /// What the close of a connection becomes where no rule says otherwise.
    pub strategy: Strategy,
    /// How long [`Strategy::PeerFirst`] waits for the peer's FIN before it sends its own,
    /// ms.
    pub peer_first_ms: u32,
    /// Strategies for some connections.
    pub rules: Rules,
    /// Who waits for the peer.
    pub engine: DrainBy,
    /// How much is logged.
    pub log: LogLevel,
    /// Where the log goes; empty is stderr.
    pub log_file: String,
    /// Whether others can read the counters.
    pub stats: bool,
    /// Directory of the file that they are in; empty is the usual one.
    pub stats_dir: String,
}

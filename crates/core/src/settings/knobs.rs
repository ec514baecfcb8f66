//! The one definition of every environment variable of softclose.
//!
//! Context: pure data. Whatever shows a knob to a user (launcher options, help,
//! README, a test) reads this table or is checked against it.

use super::strategy::WORDS;

/// What a value looks like, and so how it is parsed and documented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `1`, `true`, `yes`, `on` or `0`, `false`, `no`, `off`.
    Flag,
    /// `500ms`, `2s`, `1m`; a bare `0` is allowed.
    Duration,
    /// `64KiB`, `1MiB`, `1000`; bytes without a unit.
    Size,
    /// A decimal number, or `auto`.
    Count,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// A path; empty means unset.
    Path,
    /// Rules, each of which may be bad for itself; see [`super::rules`].
    Rules,
}

/// One setting: its variable, its launcher option and its words.
#[derive(Clone, Copy, Debug)]
pub struct Knob {
    /// Environment variable.
    pub env: &'static str,
    /// Launcher option, without the leading dashes.
    pub flag: &'static str,
    /// Shape of the value.
    pub kind: Kind,
    /// Default, as a user would write it.
    pub default: &'static str,
    /// What is allowed, for messages about a bad value.
    pub allowed: &'static str,
    /// One sentence for help and README.
    pub help: &'static str,
}

const DURATION: &str = "a duration such as 500ms, 2s or 1m";

/// Every knob, in the order in which they are documented.
pub const KNOBS: &[Knob] = &[
    Knob {
        env: "SOFTCLOSE_DISABLE",
        flag: "disable",
        kind: Kind::Flag,
        default: "0",
        allowed: "0 or 1",
        help: "1 makes every hook pass through: loaded, but doing nothing",
    },
    Knob {
        env: "SOFTCLOSE_TIMEOUT",
        flag: "timeout",
        kind: Kind::Duration,
        default: "30s",
        allowed: DURATION,
        help: "total time that one drain may take; 0 means no limit",
    },
    Knob {
        env: "SOFTCLOSE_IDLE",
        flag: "idle",
        kind: Kind::Duration,
        default: "5s",
        allowed: DURATION,
        help: "longest silence of the peer within a drain; 0 means no limit",
    },
    Knob {
        env: "SOFTCLOSE_MAX_BYTES",
        flag: "max-bytes",
        kind: Kind::Size,
        default: "64MiB",
        allowed: "a size such as 65536, 64KiB or 1MiB",
        help: "most bytes discarded from one accepted socket; 0 means no limit",
    },
    Knob {
        env: "SOFTCLOSE_CONNECTED_MAX_BYTES",
        flag: "connected-max-bytes",
        kind: Kind::Size,
        default: "1MiB",
        allowed: "a size such as 65536, 64KiB or 1MiB",
        help: "most bytes discarded from one connected (client) socket; 0 means no limit",
    },
    Knob {
        env: "SOFTCLOSE_MAX_PENDING",
        flag: "max-pending",
        kind: Kind::Count,
        default: "auto",
        allowed: "a number from 1 to 65536, or auto",
        help: "most sockets held at once; auto is the smaller of 4096 and a quarter of RLIMIT_NOFILE",
    },
    Knob {
        env: "SOFTCLOSE_EXIT_TIMEOUT",
        flag: "exit-timeout",
        kind: Kind::Duration,
        default: "2s",
        allowed: DURATION,
        help: "longest time for drains and open connections after a process has ended, or in it where it must wait; 0 means none",
    },
    Knob {
        env: "SOFTCLOSE_SHUTDOWN_GRACE",
        flag: "shutdown-grace",
        kind: Kind::Duration,
        default: "50ms",
        allowed: DURATION,
        help: "how long the receive side stays open after shutdown, if no close follows; 0 leaves shutdown alone",
    },
    Knob {
        env: "SOFTCLOSE_ROLE",
        flag: "role",
        kind: Kind::Choice(&["both", "accepted", "connected"]),
        default: "both",
        allowed: "both, accepted or connected",
        help: "which connections are closed gracefully",
    },
    Knob {
        env: "SOFTCLOSE_STRATEGY",
        flag: "strategy",
        kind: Kind::Choice(&WORDS),
        default: "drain",
        allowed: "drain, wait, both, linger, abort, peer-first or observe",
        help: "what the close of a connection becomes; see Strategies in softclose(7)",
    },
    Knob {
        env: "SOFTCLOSE_PEER_FIRST",
        flag: "peer-first",
        kind: Kind::Duration,
        default: "200ms",
        allowed: DURATION,
        help: "how long the strategy peer-first waits for the peer's FIN before it sends its own",
    },
    Knob {
        env: "SOFTCLOSE_RULES",
        flag: "rules",
        kind: Kind::Rules,
        default: "",
        allowed: "rules such as accepted,local:8080=drain;peer:10.0.0.0/8=abort",
        help: "strategies for some connections, CONDITIONS=STRATEGY;...; the first rule that fits wins",
    },
    Knob {
        env: "SOFTCLOSE_ENGINE",
        flag: "engine",
        kind: Kind::Choice(&["thread", "inline"]),
        default: "thread",
        allowed: "thread or inline",
        help: "who waits for the peer: a background thread, or close itself, a second at most (for programs that must stay single-threaded)",
    },
    Knob {
        env: "SOFTCLOSE_LOG",
        flag: "log",
        kind: Kind::Choice(&["off", "error", "info", "debug"]),
        default: "off",
        allowed: "off, error, info or debug",
        help: "what is logged, one line an event",
    },
    Knob {
        env: "SOFTCLOSE_LOG_FILE",
        flag: "log-file",
        kind: Kind::Path,
        default: "",
        allowed: "an absolute path, syslog, or syslog:PATH of its socket",
        help: "where the log goes: a file, or syslog; unset means stderr",
    },
    Knob {
        env: "SOFTCLOSE_STATS",
        flag: "stats",
        kind: Kind::Choice(&["on", "off"]),
        default: "on",
        allowed: "on or off",
        help: "whether softclosectl can read the counters, from a file in memory",
    },
    Knob {
        env: "SOFTCLOSE_STATS_DIR",
        flag: "stats-dir",
        kind: Kind::Path,
        default: "",
        allowed: "an absolute path",
        help: "directory of that file, on a tmpfs; unset means /run/softclose or /dev/softclose (root), or /dev/shm/softclose-UID",
    },
];

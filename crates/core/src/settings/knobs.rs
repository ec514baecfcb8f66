//! The one definition of every setting: its variable, its option, its default and its help.
//!
//! Everything that shows a setting to a user (the launcher's options and help, the manual pages, the
//! README) reads this table or is checked against it by a test.
//!
//! Context: pure data.

use super::strategy::WORDS;

/// The form of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `1`, `true`, `yes`, `on` or `0`, `false`, `no`, `off`.
    Flag,
    /// A number with `ms`, `s`, `m` or `h`, such as `500ms`; or `0`.
    Duration,
    /// A number with `B`, `KiB`, `MiB`, `GiB` or their like, such as `64KiB`; without a unit it is bytes.
    Size,
    /// A decimal number, or `auto`.
    Count,
    /// One of a few words.
    Choice(&'static [&'static str]),
    /// An absolute path; empty means unset.
    Path,
    /// Rules (see [`super::rules`]). A bad rule does not make the others bad.
    Rules,
}

/// One setting.
#[derive(Clone, Copy, Debug)]
pub struct Knob {
    /// The environment variable.
    pub env: &'static str,
    /// The option of the launcher, without the leading dashes.
    pub flag: &'static str,
    /// The form of the value.
    pub kind: Kind,
    /// The default, as a user would write it; empty means unset.
    pub default: &'static str,
    /// What is allowed, in messages about a bad value: "... is not `allowed`".
    pub allowed: &'static str,
    /// One sentence for the help and the README.
    pub help: &'static str,
}

const DURATION: &str = "a duration such as 500ms, 2s, 1m or 1h, at most 24 hours";

/// Every setting, in the order in which they are documented.
pub const KNOBS: &[Knob] = &[
    Knob {
        env: "SOFTCLOSE_DISABLE",
        flag: "disable",
        kind: Kind::Flag,
        default: "0",
        allowed: "0 or 1 (or off or on, no or yes, false or true)",
        help: "1 switches softclose off: it is loaded, but leaves every call to the program",
    },
    Knob {
        env: "SOFTCLOSE_TIMEOUT",
        flag: "timeout",
        kind: Kind::Duration,
        default: "30s",
        allowed: DURATION,
        help: "longest time that one drain may take; 0 means no limit",
    },
    Knob {
        env: "SOFTCLOSE_IDLE",
        flag: "idle",
        kind: Kind::Duration,
        default: "5s",
        allowed: DURATION,
        help: "longest silence of the peer in a drain; 0 means no limit",
    },
    Knob {
        env: "SOFTCLOSE_MAX_BYTES",
        flag: "max-bytes",
        kind: Kind::Size,
        default: "64MiB",
        allowed: "a size such as 65536, 64KiB or 1MiB",
        help: "bytes after which the drain of an accepted connection ends (up to 1.25 MiB later); 0 means no limit",
    },
    Knob {
        env: "SOFTCLOSE_CONNECTED_MAX_BYTES",
        flag: "connected-max-bytes",
        kind: Kind::Size,
        default: "1MiB",
        allowed: "a size such as 65536, 64KiB or 1MiB",
        help: "bytes after which the drain of a connection that the program opened ends (up to 1.25 MiB later); 0 means no limit",
    },
    Knob {
        env: "SOFTCLOSE_MAX_PENDING",
        flag: "max-pending",
        kind: Kind::Count,
        default: "auto",
        allowed: "a number from 1 to 65536, or auto",
        help: "most sockets that one process holds (for a moment up to 64 more); auto means a quarter of RLIMIT_NOFILE, at most 4096",
    },
    Knob {
        env: "SOFTCLOSE_EXIT_TIMEOUT",
        flag: "exit-timeout",
        kind: Kind::Duration,
        default: "2s",
        allowed: DURATION,
        help: "longest time to finish connections at the end of a process, and before an exec (it waits); 0 means that they end as natively",
    },
    Knob {
        env: "SOFTCLOSE_SHUTDOWN_GRACE",
        flag: "shutdown-grace",
        kind: Kind::Duration,
        default: "50ms",
        allowed: DURATION,
        help: "how long the receive side stays open after a shutdown of it, if no close follows; 0 leaves shutdown to the program",
    },
    Knob {
        env: "SOFTCLOSE_ROLE",
        flag: "role",
        kind: Kind::Choice(&["both", "accepted", "connected"]),
        default: "both",
        allowed: "both, accepted or connected",
        help: "which connections are closed gracefully: accepted ones, those that the program opened (connected), or both",
    },
    Knob {
        env: "SOFTCLOSE_STRATEGY",
        flag: "strategy",
        kind: Kind::Choice(&WORDS),
        default: "drain",
        allowed: "drain, wait, both, linger, abort, peer-first or observe",
        help: "what softclose does when a connection is closed; see Strategies in softclose(7)",
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
        help: "strategies for some connections, as CONDITIONS=STRATEGY;...; the first rule that fits decides",
    },
    Knob {
        env: "SOFTCLOSE_ENGINE",
        flag: "engine",
        kind: Kind::Choice(&["thread", "inline"]),
        default: "thread",
        allowed: "thread or inline",
        help: "what waits for the peer: a background thread, or close itself, for a second at most (keeps a program single-threaded)",
    },
    Knob {
        env: "SOFTCLOSE_LOG",
        flag: "log",
        kind: Kind::Choice(&["off", "error", "info", "debug"]),
        default: "off",
        allowed: "off, error, info or debug",
        help: "what is logged, one line per event",
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

/// The beginning of the variable by which the library tells a program that it executes where the counts are.
pub const LINEAGE: &[u8] = b"SOFTCLOSE_LINEAGE=";

/// Whether a variable begins as those of softclose do and is none of them: it may be a mistyped one.
pub fn is_unknown(name: &[u8]) -> bool {
    let is_ours = || KNOBS.iter().any(|knob| knob.env.as_bytes() == name) || LINEAGE.strip_suffix(b"=") == Some(name);
    name.starts_with(b"SOFTCLOSE_") && !is_ours()
}

//! Test harness of softclose: real programs, real sockets, twice.
//!
//! Every promise is checked on a small unmodified program (a *victim*, in
//! `victims/`) that runs natively and with the shim preloaded, against the same
//! *peer* process, in a network namespace of the test's own (an *arena*). The
//! native run is the oracle: it shows that the loss is real, or what libc does.
//!
//! `LD_PRELOAD` is set on the victim and on nothing else. Every wait is for an
//! event, with a deadline; nothing sleeps in the hope that something happened.

pub mod arena;
pub mod built;
pub mod counters;
pub mod exports;
pub mod gauntlet;
pub mod inside;
pub mod installed;
pub mod late;
pub mod markdown;
pub mod pattern;
pub mod peer;
pub mod proc;
pub mod program;
pub mod scan;
pub mod scratch;
pub mod shim;
pub mod stats;
pub mod strace;
pub mod terminal;
pub mod twice;
pub mod victim;

use std::io::Write;
use std::time::Duration;

/// How long any one event may take before a test fails. Far above what is
/// needed, far below what a hang would cost.
pub const DEADLINE: Duration = Duration::from_secs(25);

/// The main response: larger than any window, smaller than the arena's
/// send buffer, so that the victim reaches its `close` with most of it unsent.
pub const RESPONSE: usize = 3 << 20;

/// What the victim leaves unread of the request.
pub const UNREAD: usize = 64 << 10;

/// What the peer uploads beyond that before it reads.
pub const UPLOAD: usize = 1 << 20;

/// Says that a test did not run, and why. It is written past libtest's capture, which would hide
/// it: a skipped test must not look like a passed one. It is written in one piece, on a line of its
/// own.
pub fn skip(test: &str, reason: &str) {
    let line = format!("skipped: {test}: {reason}\n");
    let _ = std::io::stderr().write_all(format!("\n{line}").as_bytes());
    // nextest shows nothing of a test that passes; `make test` shows this file.
    if let Some(list) = std::env::var_os("SOFTCLOSE_SKIPPED")
        && let Ok(mut list) = std::fs::File::options().append(true).create(true).open(list)
    {
        let _ = list.write_all(line.as_bytes());
    }
}

/// The name of the test in which this macro is called, for [`skip`].
#[macro_export]
macro_rules! here {
    () => {{
        fn here() {}
        std::any::type_name_of_val(&here).trim_end_matches("::here")
    }};
}

/// Tests that differ in one word: `tests!(check: name "word", ...)` makes a test of each name,
/// which calls `check` with its own name, for [`skip`], and with the word.
#[macro_export]
macro_rules! tests {
    ($check:ident: $($name:ident $word:literal),+ $(,)?) => {
        $(
            #[test]
            fn $name() {
                $check($crate::here!(), $word);
            }
        )+
    };
}

/// [`tests!`] with every way in which a program can end itself.
#[macro_export]
macro_rules! tests_of_every_exit {
    ($check:ident) => {
        $crate::tests!($check:
            by_return_from_main "return",
            by_exit "exit",
            by_underscore_exit "_exit",
            by_underscore_capital_exit "_Exit",
            by_quick_exit "quick_exit",
        );
    };
}

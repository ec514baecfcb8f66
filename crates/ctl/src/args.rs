//! The command line: what manuals and completions are made from.

use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;
use std::time::Duration;

/// Shows what softclose does in running programs.
///
/// Reads the counters that each program with softclose keeps in a file in memory. Nothing
/// is asked of the program, and it never waits for a reader. Programs of other users are
/// shown as far as permissions allow; root sees all.
#[derive(Clone, Debug, Parser)]
#[command(name = "softclosectl", version, max_term_width = 100)]
pub struct Cli {
    /// Look for counters of ended programs here as well (SOFTCLOSE_STATS_DIR).
    #[arg(long = "dir", value_name = "DIR", global = true)]
    pub directories: Vec<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// List the processes that have softclose loaded: version, uptime, settings in force.
    Ps {
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Print all counters, of one program or of all.
    Stat {
        /// A process of the program; without it, all programs.
        pid: Option<u32>,
        /// Print one JSON array.
        #[arg(long)]
        json: bool,
    },
    /// Show a live table; s sorts, r reverses, / filters, q quits.
    Top(Top),
    /// Say why closes of a program were left alone, and what to do about it.
    Explain {
        /// A process of the program.
        pid: u32,
    },
    /// Print all counters for Prometheus.
    Prometheus {
        /// Write DIR/softclose.prom instead, for node_exporter's textfile collector; the file is
        /// replaced in one step.
        #[arg(long, value_name = "DIR")]
        textfile: Option<PathBuf>,
    },
    /// Remove the counters of programs that have ended without removing them (killed, crashed).
    ///
    /// Other commands do so an hour after they have first seen that a program is gone.
    Clean,
    /// Make the kernel's own count of references readable for programs with softclose.
    ///
    /// It decides closes that softclose could not decide otherwise, in microseconds. It stays
    /// until the next boot, or until it is removed.
    #[command(subcommand)]
    Refs(Refs),
}

/// What to do with the kernel's own count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Refs {
    /// Load a small BPF program, check its answers, and pin it in /sys/fs/bpf/softclose (root).
    Install,
    /// Say whether it is there, and works for this user.
    Status,
    /// Take it away again (root).
    Remove,
}

/// Options of `top`.
#[derive(Clone, Debug, Args)]
pub struct Top {
    /// Seconds between two looks.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = seconds)]
    pub interval: Duration,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if (0.1..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("not from 0.1 to 3600".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn an_interval_is_some_seconds() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "NaN", "inf", "1s", "1e9"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}

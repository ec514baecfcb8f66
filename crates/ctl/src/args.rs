//! The command line. The manual and the completions are made from it.

use clap::{Args, Parser, Subcommand, ValueHint};
use softclose_core::settings::value::duration_ms;
use std::path::PathBuf;
use std::time::Duration;

/// Shows what softclose does in running programs.
///
/// softclosectl reads the counters that each program with softclose keeps in a file in memory. The
/// program does not notice it and never waits for it. Programs of other users are shown as far as
/// permissions allow; root sees all of them.
#[derive(Clone, Debug, Parser)]
#[command(name = "softclosectl", version, max_term_width = 100)]
pub struct Cli {
    /// Search DIR, too, for counters of programs that have ended (see SOFTCLOSE_STATS_DIR).
    #[arg(long = "dir", value_name = "DIR", value_hint = ValueHint::DirPath, global = true)]
    pub directories: Vec<PathBuf>,
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// A subcommand.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// List the processes that have softclose loaded, with version, uptime and settings.
    Ps {
        /// Print one JSON array instead of a table, without the programs that have ended.
        #[arg(long)]
        json: bool,
        /// Also list the programs that have ended and left their counters, and every file that cannot
        /// be read.
        #[arg(long)]
        all: bool,
    },
    /// Print all counters of one program, or of every program.
    ///
    /// The text leaves out each value with a label that is zero, such as a reason that never occurred.
    /// The JSON has them.
    Stat {
        /// A process of the program. Without a PID, every program is shown.
        #[arg(value_parser = pid)]
        pid: Option<u32>,
        /// Print one JSON array instead of text.
        #[arg(long)]
        json: bool,
    },
    /// Show a table of programs that is updated as you look. Press s to sort, r to reverse, / to
    /// filter, q to quit.
    Top(Top),
    /// Say which services of this host cut off responses, without a restart of any. Only root can do this.
    ///
    /// The kernel tells of each reset by which it cuts off a connection (its tracepoint tcp:tcp_send_reset, read
    /// through tracefs), and /proc tells whose connection that was. For each service the output has the number of
    /// connections, by the reason, and what to do. How many bytes were lost is not known: SOFTCLOSE_STRATEGY=observe
    /// tells that.
    Scan(Scan),
    /// Say why softclose left closes of a program alone, and what you can do about it.
    Explain {
        /// A process of the program.
        #[arg(value_parser = pid)]
        pid: u32,
    },
    /// Print all counters of all running programs for Prometheus.
    Prometheus {
        /// Write the file DIR/softclose.prom for node_exporter's textfile collector, and print
        /// nothing. The file is replaced in one step.
        #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
        textfile: Option<PathBuf>,
    },
    /// Remove the counters that programs have left when they ended, and say how many are left.
    ///
    /// A program that exits removes its counters itself, unless it has changed its user or its root. The
    /// counters of a program that was killed or has crashed stay. Except for top, scan and refs, the other
    /// commands remove counters that were first found without a program at least an hour before.
    Clean(Clean),
    /// Let programs with softclose read how many references the kernel counts of a connection.
    ///
    /// With that count softclose can decide closes that it could not decide otherwise, in
    /// microseconds. The count can be read until the next boot, or until you remove it.
    #[command(subcommand)]
    Refs(Refs),
}

/// A subcommand of `refs`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Subcommand)]
pub enum Refs {
    /// Load a small BPF program, check its answers, and pin it in /sys/fs/bpf/softclose. Only root
    /// can do this.
    Install,
    /// Say whether the BPF program is installed, and works for this user.
    Status,
    /// Remove the BPF program. Only root can do this.
    Remove,
}

/// Options of `clean`.
#[derive(Clone, Debug, Args)]
pub struct Clean {
    /// Only say what would be removed.
    #[arg(long)]
    pub dry_run: bool,
    /// Name each file that is removed, or would be.
    #[arg(long)]
    pub list: bool,
}

/// Options of `top`.
#[derive(Clone, Debug, Args)]
pub struct Top {
    /// Update the table every so many seconds.
    #[arg(long, value_name = "SECONDS", value_hint = ValueHint::Other, default_value = "2", value_parser = seconds)]
    pub interval: Duration,
}

/// Options of `scan`.
#[derive(Clone, Debug, Args)]
pub struct Scan {
    /// Scan for this time, such as 30s or 5m, instead of 60s. Ctrl-C ends it earlier, and shows what was found until
    /// then.
    #[arg(long = "for", value_name = "TIME", value_hint = ValueHint::Other, value_parser = time)]
    pub time: Option<Duration>,
    /// Show the services while it runs, until q is pressed or the time of --for is over. Press / to filter.
    #[arg(long)]
    pub watch: bool,
    /// Print JSON instead of text.
    #[arg(long)]
    pub json: bool,
    /// Write the result to FILE, too, as JSON: for a later --compare.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub baseline: Option<PathBuf>,
    /// Compare the result with that in FILE, by what was cut off in a minute.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, conflicts_with = "json")]
    pub compare: Option<PathBuf>,
}

fn time(text: &str) -> Result<Duration, String> {
    let ms = duration_ms(text).filter(|&ms| ms != 0);
    ms.map(|ms| Duration::from_millis(ms.into())).ok_or_else(|| "it is a time such as 30s or 5m".to_owned())
}

fn pid(text: &str) -> Result<u32, String> {
    text.parse().map_err(|_| "a PID is a whole number".to_owned())
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is not a number".to_owned())?;
    if (0.1..=3600.0).contains(&seconds) {
        Ok(Duration::from_secs_f64(seconds))
    } else {
        Err("it must be from 0.1 to 3600".to_owned())
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

    /// `max_term_width` does nothing without clap's feature `wrap_help`: each paragraph was one line.
    #[test]
    fn help_fits_a_terminal() {
        let root = Cli::command().term_width(80);
        let commands: Vec<_> = root.get_subcommands().map(|command| command.clone().term_width(80)).collect();
        for mut command in commands.into_iter().chain([root]) {
            let help = command.render_long_help().to_string();
            assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        }
    }

    #[test]
    fn an_interval_is_some_seconds() {
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for bad in ["0", "-1", "NaN", "inf", "1s", "1e9"] {
            assert!(seconds(bad).is_err(), "{bad}");
        }
    }
}

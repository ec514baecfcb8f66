//! The one definition of every counter: its name, its index and its help.
//!
//! The names follow Prometheus (metric and label naming; the text exposition format). Everything
//! that shows a counter (the log line at exit, `softclosectl`, the manual) reads this table or is
//! checked against it.
//!
//! Context: pure data.

use crate::bounds::ENDS;
use crate::decision::REASONS;
use crate::holders::standing::DOUBTS;

/// The type of a metric, as the exposition format calls it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A number that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// How many observations there are in each range of values.
    Histogram,
}

impl Kind {
    /// The word for the type in a `# TYPE` line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Where the values of a metric are.
#[derive(Clone, Copy, Debug)]
pub enum Series {
    /// The value at this index.
    One(usize),
    /// One value for each word of a label.
    Each {
        /// The name of the label.
        label: &'static str,
        /// The index of the first value.
        first: usize,
        /// The values of the label, in the order of the indices.
        words: &'static [&'static str],
    },
    /// The sum of all values at these indices.
    Sum(&'static [core::ops::Range<usize>]),
    /// The connections held now, summed over the living processes of the family.
    Held,
    /// 1, with the version of softclose and the program as labels.
    Info,
    /// How many processes share the page.
    Members,
    /// When the page was made.
    Created,
    /// The counts of the histogram from [`DRAIN_TIMES`] on, and the sum at [`DRAIN_MS`].
    Times,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// The name, which ends with the unit.
    pub name: &'static str,
    /// The type.
    pub kind: Kind,
    /// Where the values are.
    pub series: Series,
    /// One sentence for the manual and the `# HELP` line.
    pub help: &'static str,
}

const REASON_WORDS: [&str; REASONS.len()] = words(&REASONS);
const DOUBT_WORDS: [&str; DOUBTS.len()] = words(&DOUBTS);
const END_WORDS: [&str; ENDS.len()] = words(&ENDS);

/// The words of a table. The compiler runs this: if an index were out of range, the build would fail.
#[allow(clippy::indexing_slicing)]
const fn words<T: Copy, const N: usize>(named: &[(T, &'static str); N]) -> [&'static str; N] {
    let mut words = [""; N];
    let mut at = 0;
    while at < N {
        words[at] = named[at].1;
        at += 1;
    }
    words
}

/// Index of the first reason: closes left alone.
pub const LEFT_ALONE: usize = 0;
/// Index of the first way to end: drains ended.
pub const ENDED: usize = LEFT_ALONE + REASONS.len();
/// Index: drains begun.
pub const BEGUN: usize = ENDED + ENDS.len();
/// Index: bytes discarded.
pub const DISCARDED: usize = BEGUN + 1;
/// Index: bytes that the peer had not acknowledged when a drain ended.
pub const UNACKNOWLEDGED: usize = DISCARDED + 1;
/// Index: drains that avoided a reset.
pub const RESETS_AVOIDED: usize = UNACKNOWLEDGED + 1;
/// Index: most drains that one process held at once.
pub const HELD_MOST: usize = RESETS_AVOIDED + 1;
/// Index of the first count of the histogram: drains ended, by the time that they took. The last count
/// is for all that took longer than the last of [`BUCKETS_MS`].
pub const DRAIN_TIMES: usize = HELD_MOST + 1;
/// Index: the sum of the milliseconds that drains took.
pub const DRAIN_MS: usize = DRAIN_TIMES + BUCKETS_MS.len() + 1;
/// Index of the first of four: resets, unread, unsent and unacknowledged bytes of observed closes.
pub const OBSERVED: usize = DRAIN_MS + 1;
/// Index: log lines dropped.
pub const LOG_DROPPED: usize = OBSERVED + 4;
/// Index of the first doubt: closes left alone as unsure.
pub const DOUBTED: usize = LOG_DROPPED + 1;
/// Index: processes that ended and left connections to `softclose-drain`.
pub const HANDOVERS: usize = DOUBTED + DOUBTS.len();
/// Index: closes that the kernel's count of references decided.
pub const COUNTED_BY_KERNEL: usize = HANDOVERS + 1;
/// The number of values.
pub const COUNT: usize = COUNTED_BY_KERNEL + 1;

/// Upper bounds of the histogram of the time that drains take, in milliseconds. The clock is exact to
/// a timer tick (`CLOCK_MONOTONIC_COARSE`, 1 to 10 ms).
pub const BUCKETS_MS: [u32; 6] = [10, 50, 250, 1000, 5000, 30_000];

/// Every metric, in the order in which they are shown.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "softclose_info",
        kind: Kind::Gauge,
        series: Series::Info,
        help: "Always 1; the version of softclose is a label.",
    },
    Metric {
        name: "softclose_processes",
        kind: Kind::Gauge,
        series: Series::Members,
        help: "Processes that share these counters: a server and its workers.",
    },
    Metric {
        name: "softclose_start_time_seconds",
        kind: Kind::Gauge,
        series: Series::Created,
        help: "When these counters began, in seconds since 1970.",
    },
    Metric {
        name: "softclose_closes_total",
        kind: Kind::Counter,
        series: Series::Sum(&[LEFT_ALONE..ENDED, BEGUN..DISCARDED]),
        help: "Closes seen: those left alone, and those that became a drain.",
    },
    Metric {
        name: "softclose_left_alone_total",
        kind: Kind::Counter,
        series: Series::Each { label: "reason", first: LEFT_ALONE, words: &REASON_WORDS },
        help: "Closes that were left as the program made them.",
    },
    Metric {
        name: "softclose_unsure_total",
        kind: Kind::Counter,
        series: Series::Each { label: "doubt", first: DOUBTED, words: &DOUBT_WORDS },
        help: "Closes left alone as unsure, by what could not be proved.",
    },
    Metric {
        name: "softclose_drains_begun_total",
        kind: Kind::Counter,
        series: Series::One(BEGUN),
        help: "Drains begun: closes that softclose carries out by its strategy.",
    },
    Metric {
        name: "softclose_drains_ended_total",
        kind: Kind::Counter,
        series: Series::Each { label: "end", first: ENDED, words: &END_WORDS },
        help: "Drains ended, by how they ended.",
    },
    Metric {
        name: "softclose_resets_avoided_total",
        kind: Kind::Counter,
        series: Series::One(RESETS_AVOIDED),
        help: "Drains that discarded data which would have caused a reset, and ended without one.",
    },
    Metric {
        name: "softclose_discarded_bytes_total",
        kind: Kind::Counter,
        series: Series::One(DISCARDED),
        help: "Bytes that softclose discarded: peers sent them, and the program never read them.",
    },
    Metric {
        name: "softclose_unacknowledged_bytes_total",
        kind: Kind::Counter,
        series: Series::One(UNACKNOWLEDGED),
        help: "Bytes that peers had not acknowledged at the end of a drain, unless it ended by their FIN or was handed over.",
    },
    Metric { name: "softclose_drains_held", kind: Kind::Gauge, series: Series::Held, help: "Drains that run now." },
    Metric {
        name: "softclose_drains_held_max",
        kind: Kind::Gauge,
        series: Series::One(HELD_MOST),
        help: "Most drains that one process has had at once.",
    },
    Metric {
        name: "softclose_drain_seconds",
        kind: Kind::Histogram,
        series: Series::Times,
        help: "How long drains took.",
    },
    Metric {
        name: "softclose_exit_handovers_total",
        kind: Kind::Counter,
        series: Series::One(HANDOVERS),
        help: "Processes that ended and left connections to softclose-drain.",
    },
    Metric {
        name: "softclose_counted_by_kernel_total",
        kind: Kind::Counter,
        series: Series::One(COUNTED_BY_KERNEL),
        help: "Closes that softclose's own counts could not decide, but the kernel's count of references did.",
    },
    Metric {
        name: "softclose_observed_resets_total",
        kind: Kind::Counter,
        series: Series::One(OBSERVED),
        help: "Closes under the strategy observe that found unread data, and so reset the connection.",
    },
    Metric {
        name: "softclose_observed_unread_bytes_total",
        kind: Kind::Counter,
        series: Series::One(OBSERVED + 1),
        help: "Bytes that the program had not read at closes under the strategy observe.",
    },
    Metric {
        name: "softclose_observed_unsent_bytes_total",
        kind: Kind::Counter,
        series: Series::One(OBSERVED + 2),
        help: "Bytes that had not been sent even once at closes under the strategy observe.",
    },
    Metric {
        name: "softclose_observed_unacknowledged_bytes_total",
        kind: Kind::Counter,
        series: Series::One(OBSERVED + 3),
        help: "Bytes that the peer had not acknowledged at closes under the strategy observe.",
    },
    Metric {
        name: "softclose_log_lines_dropped_total",
        kind: Kind::Counter,
        series: Series::One(LOG_DROPPED),
        help: "Log lines that were dropped because they could not be written at once.",
    },
];

/// The one gauge that is of softclosectl and not of a program: its name. It is exported on every host
/// where `softclosectl prometheus` runs, also where no program has softclose loaded.
pub const FILES_LEFT_OUT: &str = "softclose_files_left_out";
/// The help of [`FILES_LEFT_OUT`].
pub const FILES_LEFT_OUT_HELP: &str = "Files of running programs that are not exported, by why.";
/// Another version of softclose has written the file, in a layout of its own.
pub const OTHER_LAYOUT: &str = "layout";
/// The file belongs to another user than the process, and than root, or others may write to it.
pub const OTHER_OWNER: &str = "owner";
/// The process has another file as well, which is exported.
pub const SECOND_FILE: &str = "second";
/// The user of the process has as many other programs as are exported of one.
pub const TOO_MANY: &str = "many";
/// All reasons why a file is left out.
pub const WHY_LEFT_OUT: [&str; 4] = [OTHER_LAYOUT, OTHER_OWNER, SECOND_FILE, TOO_MANY];

#[cfg(test)]
mod tests {
    use super::*;

    fn indices(series: Series) -> Vec<usize> {
        match series {
            Series::One(at) => vec![at],
            Series::Each { first, words, .. } => (first..first + words.len()).collect(),
            Series::Times => (DRAIN_TIMES..=DRAIN_MS).collect(),
            Series::Sum(_) | Series::Held | Series::Info | Series::Members | Series::Created => vec![],
        }
    }

    #[test]
    fn every_value_has_exactly_one_name() {
        let mut indices: Vec<_> = METRICS.iter().flat_map(|metric| indices(metric.series)).collect();
        indices.sort_unstable();
        assert_eq!(indices, (0..COUNT).collect::<Vec<_>>());
    }

    #[test]
    fn names_are_those_of_the_exposition_format() {
        for Metric { name, kind, help, .. } in METRICS {
            assert!(name.starts_with("softclose_") && name.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'_')));
            assert_eq!(name.ends_with("_total"), *kind == Kind::Counter, "{name}");
            assert!(help.ends_with('.'), "{name}");
        }
    }
}

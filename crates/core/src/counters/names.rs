//! The one definition of every number that is counted: its name, and where it lies.
//!
//! Names are those of Prometheus (metric and label naming; the text exposition
//! format). Whatever shows a number (the line at exit, `softclosectl`, the manual)
//! reads this table or is checked against it.
//!
//! Context: pure data.

use crate::bounds::ENDS;
use crate::decision::REASONS;
use crate::holders::standing::DOUBTS;

/// What a metric is, in the words of the exposition format.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts by size.
    Histogram,
}

impl Kind {
    /// The word for it in a `# TYPE` line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// Where the numbers of a metric are.
#[derive(Clone, Copy, Debug)]
pub enum Series {
    /// One value.
    One(usize),
    /// One value for each word of a label.
    Each {
        /// The name of the label.
        label: &'static str,
        /// The place of the first value.
        first: usize,
        /// Its words, in the order of the values.
        words: &'static [&'static str],
    },
    /// Every value of these places, added up.
    Sum(&'static [core::ops::Range<usize>]),
    /// Added up over the processes that share the numbers and live.
    Held,
    /// 1, and what the page says of softclose and the program in labels.
    Info,
    /// How many processes share the numbers.
    Members,
    /// When they began.
    Founded,
    /// Counts by size from [`DRAIN_TIMES`] on, and the sum in milliseconds.
    Times,
}

/// One metric.
#[derive(Clone, Copy, Debug)]
pub struct Metric {
    /// Its name, unit and all.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// Where it is.
    pub series: Series,
    /// One sentence for the manual and the `# HELP` line.
    pub help: &'static str,
}

const REASON_WORDS: [&str; REASONS.len()] = words(&REASONS);
const DOUBT_WORDS: [&str; DOUBTS.len()] = words(&DOUBTS);
const END_WORDS: [&str; ENDS.len()] = words(&ENDS);

// The compiler runs it: where it panics, nothing is built.
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

/// Closes left alone, by reason.
pub const LEFT_ALONE: usize = 0;
/// Drains ended, by how.
pub const ENDED: usize = LEFT_ALONE + REASONS.len();
/// Drains begun.
pub const BEGUN: usize = ENDED + ENDS.len();
/// Bytes discarded.
pub const DISCARDED: usize = BEGUN + 1;
/// Bytes that no peer acknowledged.
pub const UNACKNOWLEDGED: usize = DISCARDED + 1;
/// Drains that found what would have been a reset.
pub const RESETS_AVOIDED: usize = UNACKNOWLEDGED + 1;
/// Most drains held by one process.
pub const HELD_MOST: usize = RESETS_AVOIDED + 1;
/// Drains that ended, by the time that they took; the last is for all longer ones.
pub const DRAIN_TIMES: usize = HELD_MOST + 1;
/// Milliseconds in drain, in all.
pub const DRAIN_MS: usize = DRAIN_TIMES + BUCKETS_MS.len() + 1;
/// What closes that were only observed lost: resets, and three kinds of bytes.
pub const OBSERVED: usize = DRAIN_MS + 1;
/// Log lines dropped.
pub const LOG_DROPPED: usize = OBSERVED + 4;
/// Closes left alone as unsure, by the doubt.
pub const DOUBTED: usize = LOG_DROPPED + 1;
/// Processes that ended and left connections to another program.
pub const HANDOVERS: usize = DOUBTED + DOUBTS.len();
/// Closes that the kernel's own count of references decided.
pub const COUNTED_BY_KERNEL: usize = HANDOVERS + 1;
/// So many values there are.
pub const COUNT: usize = COUNTED_BY_KERNEL + 1;

/// Upper bounds of the histogram of times in drain, milliseconds. The clock is exact to
/// a timer tick (`CLOCK_MONOTONIC_COARSE`, 1 to 10 ms).
pub const BUCKETS_MS: [u32; 6] = [10, 50, 250, 1000, 5000, 30_000];

/// Every metric, in the order in which they are shown.
pub const METRICS: &[Metric] = &[
    Metric {
        name: "softclose_info",
        kind: Kind::Gauge,
        series: Series::Info,
        help: "1; the version of softclose is a label.",
    },
    Metric {
        name: "softclose_processes",
        kind: Kind::Gauge,
        series: Series::Members,
        help: "Processes that count into these numbers: a server and its workers.",
    },
    Metric {
        name: "softclose_start_time_seconds",
        kind: Kind::Gauge,
        series: Series::Founded,
        help: "When these numbers began, in seconds since 1970.",
    },
    Metric {
        name: "softclose_closes_total",
        kind: Kind::Counter,
        series: Series::Sum(&[LEFT_ALONE..ENDED, BEGUN..DISCARDED]),
        help: "Closes seen: those left alone and those that became a drain.",
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
        help: "Connections to which softclose said close_strategy.",
    },
    Metric {
        name: "softclose_drains_ended_total",
        kind: Kind::Counter,
        series: Series::Each { label: "end", first: ENDED, words: &END_WORDS },
        help: "Drains that are over, by how they ended.",
    },
    Metric {
        name: "softclose_resets_avoided_total",
        kind: Kind::Counter,
        series: Series::One(RESETS_AVOIDED),
        help: "Drains that found unread or later data, which the kernel answers with a reset, and ended without one.",
    },
    Metric {
        name: "softclose_discarded_bytes_total",
        kind: Kind::Counter,
        series: Series::One(DISCARDED),
        help: "Bytes that peers sent and the program never read.",
    },
    Metric {
        name: "softclose_unacknowledged_bytes_total",
        kind: Kind::Counter,
        series: Series::One(UNACKNOWLEDGED),
        help: "Bytes that peers had not acknowledged when a drain ended otherwise than by their FIN.",
    },
    Metric {
        name: "softclose_drains_held",
        kind: Kind::Gauge,
        series: Series::Held,
        help: "Connections in drain now.",
    },
    Metric {
        name: "softclose_drains_held_max",
        kind: Kind::Gauge,
        series: Series::One(HELD_MOST),
        help: "Most connections that one process has had in drain at once.",
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
        help: "Closes that softclose's own counts could not decide and the kernel's own count of references did.",
    },
    Metric {
        name: "softclose_observed_resets_total",
        kind: Kind::Counter,
        series: Series::One(OBSERVED),
        help: "Closes under the strategy observe that had unread data, and so were resets.",
    },
    Metric {
        name: "softclose_observed_unread_bytes_total",
        kind: Kind::Counter,
        series: Series::One(OBSERVED + 1),
        help: "Bytes that the program had not read when such a close was observed.",
    },
    Metric {
        name: "softclose_observed_unsent_bytes_total",
        kind: Kind::Counter,
        series: Series::One(OBSERVED + 2),
        help: "Bytes that had not been sent even once when such a close was observed.",
    },
    Metric {
        name: "softclose_observed_unacknowledged_bytes_total",
        kind: Kind::Counter,
        series: Series::One(OBSERVED + 3),
        help: "Bytes that the peer had not acknowledged when such a close was observed.",
    },
    Metric {
        name: "softclose_log_lines_dropped_total",
        kind: Kind::Counter,
        series: Series::One(LOG_DROPPED),
        help: "Log lines that could not be written without waiting.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn places(series: Series) -> Vec<usize> {
        match series {
            Series::One(at) => vec![at],
            Series::Each { first, words, .. } => (first..first + words.len()).collect(),
            Series::Times => (DRAIN_TIMES..=DRAIN_MS).collect(),
            Series::Sum(_) | Series::Held | Series::Info | Series::Members | Series::Founded => vec![],
        }
    }

    #[test]
    fn every_value_has_exactly_one_name() {
        let mut places: Vec<_> = METRICS.iter().flat_map(|metric| places(metric.series)).collect();
        places.sort_unstable();
        assert_eq!(places, (0..COUNT).collect::<Vec<_>>());
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

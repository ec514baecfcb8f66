//! Measure 1: a close that is none of our business.

use crate::measure::{Measure, both_absolutes, median};
use crate::measurement::{Figure, Goal, Measurement, Table};
use crate::ratio::{ratios, without_and_with};
use crate::testbed::{Testbed, result};
use shim_tests::installed::find;
use shim_tests::shim::Shim;
use shim_tests::strace::calls_of;
use shim_tests::victim::Victim;

/// Pairs in one run: about a tenth of a second.
const PAIRS: usize = 50_000;

/// Runs are short, so that there can be many: the machine is the same for both of a pair.
const IN_A_ROUND: usize = 4;

/// The number of pairs in the shorter of two counted runs.
const COUNTED: usize = 5000;

/// With nothing else open, and with a connection open, as a server has.
const SURROUNDINGS: [(&str, &str); 2] = [("alone", ""), ("connected", ", with a connection open")];

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "files",
    title: "Open and close of a regular file",
    about: "A C program opens and closes a file 50,000 times, four times in each round. The times are nanoseconds for a pair of calls. \
callgrind counts the instructions in user space, and strace counts the system calls. Both counts are differences between 5,000 and \
10,000 pairs, so the start of the program is not part of them.",
    run,
};

fn run(rounds: usize) -> Result<Measurement, String> {
    let testbed = Testbed::open()?;
    let mut measurement = Measurement::default();
    for (word, words) in SURROUNDINGS {
        let timed = |shim| result(&mut testbed.server(&program(PAIRS, word), shim))[0];
        let found = without_and_with(IN_A_ROUND * rounds, timed);
        let ratio = ratios(&found[1], &found[0]);
        let figure = Figure::ratio(format!("open and close of a file{words}: time"), median(&found[0], "ns"), ratio);
        measurement.figures.push(figure.must(Goal::AtMost(1.15)).aims_at(Goal::AtMost(1.05)));
        let title = format!("Nanoseconds per pair{words}.");
        measurement.tables.push(both_absolutes(&title, &found));
    }
    find("strace").ok_or("no strace")?;
    let (table, extra) = counts(&testbed);
    let calls = Figure::of("open and close of a file: additional system calls", "2", "calls", vec![extra]);
    measurement.figures.push(calls.must(Goal::AtMost(1.0)).aims_at(Goal::AtMost(0.0)));
    measurement.tables.push(table);
    Ok(measurement)
}

fn program(pairs: usize, surroundings: &str) -> Victim {
    Victim::c("bench_files").arg(pairs.to_string()).arg(surroundings)
}

/// The table of exact counts, and how many system calls a pair has more.
fn counts(testbed: &Testbed) -> (Table, f64) {
    let mut table = Table::new("Counts per pair.", &["", "instructions", "system calls"]);
    let mut extra = 0.0;
    for (word, words) in SURROUNDINGS {
        let [bare, with] = Shim::BOTH.map(|shim| calls(testbed, word, shim));
        extra = f64::max(extra, with - bare);
        for (name, shim, calls) in [("bare", Shim::Native, bare), ("with softclose", Shim::Preloaded, with)] {
            let instructions =
                instructions(testbed, word, shim).map_or("no valgrind".to_owned(), |count| count.to_string());
            table.row([format!("{name}{words}"), instructions, calls.to_string()]);
        }
    }
    (table, extra)
}

/// What one more pair adds to a count.
fn a_pair(count: impl Fn(&Victim) -> u64, surroundings: &str) -> f64 {
    let [less, more] = [COUNTED, 2 * COUNTED].map(|pairs| count(&program(pairs, surroundings)) as f64);
    (more - less) / COUNTED as f64
}

fn calls(testbed: &Testbed, surroundings: &str, shim: Shim) -> f64 {
    a_pair(|victim| calls_of(victim, &testbed.arena, shim).values().sum(), surroundings)
}

fn instructions(testbed: &Testbed, surroundings: &str, shim: Shim) -> Option<f64> {
    find("valgrind")?;
    let count = |victim: &Victim| {
        let traced = victim.clone().under(["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]);
        let said = traced.start(&testbed.arena, shim).finish().stderr;
        let collected = said.iter().find_map(|line| line.split("Collected : ").nth(1));
        collected.and_then(|count| count.trim().parse().ok()).expect("callgrind says what it collected")
    };
    Some(a_pair(count, surroundings))
}

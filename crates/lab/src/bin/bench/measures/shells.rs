//! A shell that makes processes.

use crate::measure::{Measure, both_absolutes, median};
use crate::measurement::{Figure, Goal, Measurement};
use crate::ratio::{ratios, without_and_with};
use crate::testbed::{Testbed, result};
use shim_tests::installed::find;
use shim_tests::shim::Shim;
use shim_tests::strace::calls_of;
use shim_tests::victim::Victim;
use std::path::Path;

/// Runs in a round: one takes a fifth of a second or two.
const IN_A_ROUND: usize = 4;

/// The number of processes in the shorter of two counted runs.
const COUNTED: usize = 50;

/// What the shell does, and what it is to cost.
struct Work {
    /// For the page.
    words: &'static str,
    /// What is done again and again.
    line: &'static str,
    /// How often, in a run.
    times: usize,
    required: f64,
    aim: f64,
}

const ALL: [Work; 2] = [
    Work { words: "a subshell that only forks", line: "( : )", times: 400, required: 1.05, aim: 1.02 },
    Work { words: "a start of `/bin/true`", line: "/bin/true", times: 300, required: 1.12, aim: 1.07 },
];

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "shells",
    title: "A shell that makes processes",
    about: "`bash -c` runs 400 subshells `( : )`, one after the other, which only fork and end. Another one starts `/bin/true` 300 \
times. bash reads its own clock before the first and after the last, four times in each round. bash itself and all that it makes run with \
softclose. strace counts the system calls of all processes. The counts are differences between 50 and 100 processes, so the start of bash \
is not part of them.",
    run,
};

fn run(rounds: usize) -> Result<Measurement, String> {
    let bash = find("bash").ok_or("no bash")?;
    let testbed = Testbed::open()?;
    let mut measurement = Measurement::default();
    for work in &ALL {
        let timed = |shim| each(&testbed, &bash, work, shim);
        let found = without_and_with(IN_A_ROUND * rounds, timed);
        let ratio = ratios(&found[1], &found[0]);
        let figure = Figure::ratio(format!("bash, {}: time", work.words), median(&found[0], "µs"), ratio);
        measurement.figures.push(figure.must(Goal::AtMost(work.required)).aims_at(Goal::AtMost(work.aim)));
        measurement.tables.push(both_absolutes(&format!("Microseconds for {}.", work.words), &found));
    }
    match find("strace") {
        Some(_) => measurement.figures.extend(ALL.iter().map(|work| additional_calls(&testbed, &bash, work))),
        None => println!("  skipped: shells, system calls: no strace"),
    }
    Ok(measurement)
}

/// The microseconds that one turn of the loop takes.
fn each(testbed: &Testbed, bash: &Path, work: &Work, shim: Shim) -> f64 {
    result(&mut testbed.server(&shell(bash, work.line, work.times), shim))[0] / work.times as f64
}

/// The separator of fractions is that of the locale.
fn shell(bash: &Path, line: &str, times: usize) -> Victim {
    let script = format!(
        "began=$EPOCHREALTIME; for ((at = 0; at < {times}; at++)); do {line}; done; ended=$EPOCHREALTIME; \
         echo result $((${{ended/[.,]/}} - ${{began/[.,]/}}))"
    );
    Victim::program(bash.into()).arg("-c").arg(script)
}

fn additional_calls(testbed: &Testbed, bash: &Path, work: &Work) -> Figure {
    let [bare, with] = Shim::BOTH.map(|shim| calls(testbed, bash, work, shim));
    let what = format!("bash, {}: additional system calls", work.words);
    Figure::of(what, bare.to_string(), "calls", vec![with - bare])
}

/// The system calls of one more process and of the shell for it.
fn calls(testbed: &Testbed, bash: &Path, work: &Work, shim: Shim) -> f64 {
    let count = |times| calls_of(&shell(bash, work.line, times), &testbed.arena, shim).values().sum::<u64>() as f64;
    (count(2 * COUNTED) - count(COUNTED)) / COUNTED as f64
}

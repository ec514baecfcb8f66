//! Measure 9: the start of a program.

use crate::measure::{Measure, both_absolutes, median};
use crate::measurement::{Figure, Goal, Measurement};
use crate::ratio::{differences, ratios, without_and_with};
use crate::testbed::{Testbed, result};
use shim_tests::shim::{Shim, library};
use shim_tests::victim::Victim;
use softclose_lab::tree;
use std::ffi::OsStr;

/// Programs started in one run: about a fifth of a second.
const TIMES: usize = 300;

/// A page of memory, KiB.
const PAGE: f64 = 4.0;

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "start",
    title: "Start of /bin/true, and memory of a program that has no connection",
    about: "A C program without softclose spawns `/bin/true` 300 times with `posix_spawn` and waits for each. Memory is `Private_Dirty` of \
`/bin/cat /proc/self/smaps_rollup`.",
    run,
};

fn run(rounds: usize) -> Result<Measurement, String> {
    let testbed = Testbed::open()?;
    let found = without_and_with(rounds, |shim| a_start(&testbed, shim));
    let kept = without_and_with(rounds, |shim| private_dirty(&testbed, shim));
    let ratio = Figure::ratio("start of `/bin/true`: time", median(&found[0], "µs"), ratios(&found[1], &found[0]));
    let longer = Figure::of("start of `/bin/true`: longer by", "", "µs", differences(&found[1], &found[0]));
    let dirty = differences(&kept[1], &kept[0]);
    let pages = dirty.iter().map(|kib| kib / PAGE).collect();
    let memory = Figure::of(
        "private memory of a program without connections: additional",
        median(&kept[0], "KiB"),
        "KiB",
        dirty,
    );
    let pages = Figure::of("the same in pages", "", "pages", pages);
    Ok(Measurement {
        figures: vec![
            ratio.must(Goal::AtMost(1.20)).aims_at(Goal::AtMost(1.10)),
            longer.aims_at(Goal::AtMost(100.0)),
            memory.must(Goal::AtMost(40.0)).aims_at(Goal::AtMost(24.0)),
            pages,
        ],
        tables: vec![both_absolutes("Microseconds per start.", &found)],
        ..Measurement::default()
    })
}

/// The microseconds that one start takes. The program that spawns the others is never shimmed
/// itself.
fn a_start(testbed: &Testbed, shim: Shim) -> f64 {
    let preload = if shim == Shim::Preloaded { library().as_os_str() } else { OsStr::new("-") };
    let victim = Victim::c("bench_spawn").arg(TIMES.to_string()).arg(preload).arg("/bin/true");
    result(&mut testbed.server(&victim, Shim::Native))[0] / 1000.0
}

fn private_dirty(testbed: &Testbed, shim: Shim) -> f64 {
    let victim = Victim::program("/bin/cat".into()).arg("/proc/self/smaps_rollup");
    let said = victim.start(&testbed.arena, shim).finish().stdout;
    tree::private_dirty(said.iter().map(String::as_str)).expect("smaps_rollup has it") as f64
}

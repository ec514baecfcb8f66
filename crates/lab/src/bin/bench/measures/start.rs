//! Measure 9: the start of a program.

use crate::measure::{Measure, absolutes, median};
use crate::measurement::{Figure, Goal, Measurement};
use crate::ratio::{alternate, arm, differences, ratios};
use crate::testbed::{Testbed, result};
use shim_tests::shim::{Shim, library};
use shim_tests::victim::Victim;

/// Programs started in one run: about a fifth of a second.
const TIMES: usize = 300;

/// A page of memory, KiB.
const PAGE: f64 = 4.0;

/// The measure.
pub const MEASURE: Measure = Measure {
    name: "start",
    title: "Start of /bin/true, and memory of a program that has no connection",
    about: "a C program, unshimmed itself, spawns `/bin/true` 300 times with `posix_spawn` and waits for each. Memory is \
`Private_Dirty` of `/bin/cat /proc/self/smaps_rollup`.",
    run,
};

fn run(rounds: usize) -> Result<Measurement, String> {
    let testbed = Testbed::open()?;
    let spawn = |preload: String| {
        let victim = Victim::c("bench_spawn").arg(TIMES.to_string()).arg(preload).arg("/bin/true");
        let testbed = &testbed;
        move || result(&mut testbed.server(&victim, Shim::Native))[0] / 1000.0
    };
    let ours = library().to_string_lossy().into_owned();
    let found = alternate(rounds, vec![arm(spawn("-".to_owned())), arm(spawn(ours))]);
    let memory = |shim| {
        let testbed = &testbed;
        move || private_dirty(testbed, shim)
    };
    let arms = vec![arm(memory(Shim::Native)), arm(memory(Shim::Preloaded))];
    let kept = alternate(rounds, arms);
    let ratio = Figure::ratio("start of `/bin/true`: time", median(&found[0], "µs"), ratios(&found[1], &found[0]));
    let longer = Figure::of("start of `/bin/true`: longer by", "", "µs", differences(&found[1], &found[0]));
    let dirty = differences(&kept[1], &kept[0]);
    let pages = dirty.iter().map(|kib| kib / PAGE).collect();
    let memory =
        Figure::of("private memory of a program without connections: more", median(&kept[0], "KiB"), "KiB", dirty);
    let pages = Figure::of("the same in pages", "", "pages", pages);
    Ok(Measurement {
        figures: vec![
            ratio.must(Goal::AtMost(1.15)),
            longer.aims_at(Goal::AtMost(100.0)),
            memory.aims_at(Goal::AtMost(60.0)),
            pages,
        ],
        tables: vec![absolutes("Microseconds a start.", &[("bare", &found[0]), ("with softclose", &found[1])])],
        ..Measurement::default()
    })
}

fn private_dirty(testbed: &Testbed, shim: Shim) -> f64 {
    let victim = Victim::program("/bin/cat".into()).arg("/proc/self/smaps_rollup");
    let said = victim.start(&testbed.arena, shim).finish().stdout;
    let line = said.iter().find_map(|line| line.strip_prefix("Private_Dirty:")).expect("smaps_rollup has it");
    line.trim().trim_end_matches(" kB").trim().parse().expect("KiB")
}

//! `make closes`: every way to says goodbye, against every peer, into `docs/closes.md`.
//! Words as arguments choose runs by their names; then nothing is written.

use shim_tests::closes::case::Case;
use shim_tests::closes::link::{self, Distance, Link};
use shim_tests::closes::measure::{self, Run};
use shim_tests::closes::{diagram, expect, format, page};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Runs at once: most of their time is waiting.
const AT_ONCE: usize = 4;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if let Err(reason) = Link::open(Distance::Near, 0) {
        println!("skipped: all of it: {reason}");
        return ExitCode::SUCCESS;
    }
    let shaper = link::shaped_by();
    let far = shaper.as_ref().map_err(|reason| println!("skipped: the far link: {reason}")).is_ok();
    let is_chosen = |case: &Case| words.iter().all(|word| case.name().contains(word.as_str()));
    let cases = Case::all().into_iter().filter(|case| far || case.distance == Distance::Near);
    let cases: Vec<Case> = cases.filter(is_chosen).collect();
    let results = run_all(&cases);
    let faults = results.iter().filter(|result| !is_good(result)).count();
    println!("{} runs, {faults} with faults", results.len());
    if words.is_empty() {
        let runs: Vec<Run> = results.into_iter().flatten().collect();
        let shaper = shaper.map_or_else(|reason| format!("not run here, {reason}"), str::to_owned);
        write_down(&runs, &shaper).unwrap_or_else(|error| panic!("docs: {error}"));
    }
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// In the order of `cases`, whichever ends first.
fn run_all(cases: &[Case]) -> Vec<Result<Run, String>> {
    let next = AtomicUsize::new(0);
    let results = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(at) else { return };
                    let result = run(*case, at as u64);
                    results.lock().expect("no panic holds it").push((at, result));
                }
            });
        }
    });
    let mut results = results.into_inner().expect("no panic holds it");
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// What a run panics with is said already, on stderr.
fn run(case: Case, seed: u64) -> Result<Run, String> {
    let panicked = |_| Err("it panicked; see above".to_owned());
    let result = catch_unwind(AssertUnwindSafe(|| measure::run(case, seed))).unwrap_or_else(panicked);
    result.map_err(|reason| format!("{}: {reason}", case.name()))
}

/// Says in a line how it went. Only on the near link it is known what must come out.
fn is_good(result: &Result<Run, String>) -> bool {
    let run = match result {
        Ok(run) => run,
        Err(reason) => {
            println!("FAULT: {reason}");
            return false;
        }
    };
    let faults = if run.case.distance == Distance::Near { expect::faults(run) } else { Vec::new() };
    println!("{}: {}, {}", run.case.name(), format::delivered(run), format::ending(run.ending()));
    faults.iter().for_each(|fault| println!("  FAULT: {fault}"));
    faults.is_empty()
}

fn write_down(runs: &[Run], shaper: &str) -> io::Result<()> {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    std::fs::write(docs.join("closes.md"), page::render(runs, shaper))?;
    diagram::draw_all(runs, &docs.join("closes"))
}

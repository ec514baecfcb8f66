//! `make closes`: runs every way to close against every peer, and writes `docs/closes.md`. Words as
//! arguments choose runs by their names; then nothing is written.

use shim_tests::built::project;
use softclose_lab::closes::case::Case;
use softclose_lab::closes::link::{self, Distance, Link};
use softclose_lab::closes::measure::{self, Run};
use softclose_lab::closes::{diagram, expect, format, page};
use softclose_lab::parallel;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

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
    let results = parallel::map(&cases, AT_ONCE, |at, case| run(*case, at as u64));
    let faults = results.iter().filter(|result| !is_good(result)).count();
    println!("{} runs, {faults} with faults", results.len());
    if words.is_empty() {
        let runs: Vec<Run> = results.into_iter().flatten().collect();
        let shaper = shaper.map_or_else(|reason| format!("not run here, {reason}"), str::to_owned);
        write_down(&runs, &shaper).unwrap_or_else(|error| panic!("docs: {error}"));
    }
    if faults == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a run panics with is said already, on stderr.
fn run(case: Case, seed: u64) -> Result<Run, String> {
    let panicked = |_| Err("it panicked; see above".to_owned());
    let result = catch_unwind(AssertUnwindSafe(|| measure::run(case, seed))).unwrap_or_else(panicked);
    result.map_err(|reason| format!("{}: {reason}", case.name()))
}

/// Says in a line how a run went, and answers whether it was good. It is only known for the near
/// link what must come out.
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
    let docs = project().join("docs");
    std::fs::write(docs.join("closes.md"), page::render(runs, shaper))?;
    diagram::draw_all(runs, &docs.join("closes"))
}

//! `make bench`: what softclose costs. Names as arguments choose measures, `ROUNDS` is
//! how often each arm runs; all kept results, these and earlier ones, go into
//! `docs/performance.md`. `--page` alone: nothing is measured, and the page is written from the kept
//! results.

mod chart;
mod clients;
mod cpu;
mod machine;
mod measure;
mod measurement;
mod measures;
mod nginx;
mod number;
mod page;
mod quiet;
mod ratio;
mod real;
mod testbed;

use measure::Measure;
use measures::MEASURES;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// The number of rounds if `ROUNDS` is not set: enough for quartiles.
const ROUNDS: usize = 7;

/// The argument that asks for the page alone.
const PAGE: &str = "--page";

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    if names == [PAGE] {
        page::write().unwrap_or_else(|error| panic!("{error}"));
        return ExitCode::SUCCESS;
    }
    if let Some(name) = names.iter().find(|name| MEASURES.iter().all(|measure| measure.name != **name)) {
        eprintln!("no measure {name}; there are: {}", MEASURES.map(|measure| measure.name).join(" "));
        return ExitCode::FAILURE;
    }
    let chosen = MEASURES.iter().filter(|measure| names.is_empty() || names.iter().any(|name| name == measure.name));
    let failed = chosen.filter(|measure| !is_done(measure, rounds())).count();
    page::write().unwrap_or_else(|error| panic!("{error}"));
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rounds() -> usize {
    let asked = std::env::var("ROUNDS").ok().filter(|text| !text.is_empty());
    asked.map_or(ROUNDS, |text| text.parse().ok().filter(|&rounds| rounds > 0).expect("ROUNDS is a number above 0"))
}

/// Runs a measure, keeps and prints what it found. One that cannot run here is no
/// fault, but it is named.
fn is_done(measure: &Measure, rounds: usize) -> bool {
    println!("{}: {}", measure.name, measure.title);
    let watch = quiet::Watch::begin();
    match catch_unwind(AssertUnwindSafe(|| (measure.run)(rounds))) {
        Ok(Ok(mut measurement)) => {
            measurement.machine = machine::describe();
            measurement.others = watch.others();
            measurement.keep(measure.name).unwrap_or_else(|error| panic!("{}: {error}", measure.name));
            print!("{}", page::plain(&measurement));
            true
        }
        Ok(Err(reason)) => {
            println!("  skipped: {}: {reason}", measure.name);
            true
        }
        Err(_) => {
            println!("  FAULT: {} panicked; see above", measure.name);
            false
        }
    }
}

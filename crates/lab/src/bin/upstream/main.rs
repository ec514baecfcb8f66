//! `make upstream`: other people's test suites, natively and shimmed, test by test.
//!
//! No test that passes natively may do anything else with the shim. What differs
//! is run again, both ways in turn, before it counts; what differs by design is
//! named in `known`; any other difference is a failure of this program.
//!
//! Everything is downloaded, built and logged under `target/upstream/SUITE`.

mod batch;
mod compare;
mod debian;
mod known;
mod outcome;
mod page;
mod report;
mod run;
mod suite;
mod suites;
mod tap;
mod unittest;
mod vtc;
mod workshop;

use report::SuiteReport;
use softclose_lab::parallel;
use std::process::ExitCode;
use suite::Suite;
use workshop::Workshop;

/// Suites that run at the same time. Most of their time they wait.
const AT_ONCE: usize = 3;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let all = suites::all();
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|suite| suite.name() != *name)) {
        let known: Vec<_> = all.iter().map(|suite| suite.name()).collect();
        eprintln!("upstream: there is no suite {unknown}; there are {}", known.join(", "));
        return ExitCode::from(2);
    }
    let is_selected = |suite: &&dyn Suite| names.is_empty() || names.iter().any(|name| name == suite.name());
    let selected: Vec<_> = all.iter().map(Box::as_ref).filter(is_selected).collect();
    let reports = parallel::map(&selected, AT_ONCE, |_, suite| run_one(*suite));
    write_page(&all, &reports);
    conclude(&reports)
}

fn run_one(suite: &dyn Suite) -> SuiteReport {
    let result = Workshop::of(suite.name()).and_then(|shop| compare::both_ways(suite, &shop));
    if let Err(reason) = &result {
        shim_tests::skip(suite.name(), reason);
    }
    SuiteReport { name: suite.name(), origin: suite.origin(), left_out: suite.left_out(), result }
}

fn write_page(all: &[Box<dyn Suite>], reports: &[SuiteReport]) {
    let names: Vec<_> = all.iter().map(|suite| suite.name()).collect();
    let path = page::path();
    let old = std::fs::read_to_string(&path).unwrap_or_default();
    std::fs::write(&path, page::of(&names, reports, &old)).expect("docs is writable");
    println!("upstream: {} has what was found", path.display());
}

fn conclude(reports: &[SuiteReport]) -> ExitCode {
    let unexpected: Vec<_> = reports.iter().flat_map(SuiteReport::unexpected).collect();
    for (suite, test) in &unexpected {
        println!("upstream: {suite}: {test} passes natively and not with softclose");
    }
    if unexpected.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

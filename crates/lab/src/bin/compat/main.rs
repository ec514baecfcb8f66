//! `make compat`: the matrix of real programs. Names as arguments choose rows; all
//! kept results, these and earlier ones, go into `docs/compatibility.md`. `--container`
//! ahead of the names: the column *in a container* alone. `--page` alone: nothing is run, and the
//! page is written from the kept results.

use shim_tests::built::project;
use softclose_lab::compat::comparison::InContainer;
use softclose_lab::compat::page::{self, Entry};
use softclose_lab::compat::row::Row;
use softclose_lab::compat::run::{self, RowOutcome};
use softclose_lab::compat::{chart, install};
use softclose_lab::parallel;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

/// The argument that asks for the column *in a container* alone.
const CONTAINER: &str = "--container";

/// The argument that asks for the page alone.
const PAGE: &str = "--page";

fn main() -> ExitCode {
    let mut names: Vec<String> = std::env::args().skip(1).collect();
    if names == [PAGE] {
        write_down().unwrap_or_else(|error| panic!("{error}"));
        return ExitCode::SUCCESS;
    }
    let container_alone = names.first().is_some_and(|name| name == CONTAINER);
    names.retain(|name| name != CONTAINER);
    let rows = Row::all(&names).unwrap_or_else(|error| panic!("{error}"));
    install::packages(&rows);
    let bad = run_all(&rows, if container_alone { is_good_in_container } else { is_good });
    write_down().unwrap_or_else(|error| panic!("{error}"));
    println!("{} passed, {bad} failed", rows.len() - bad);
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// As many at a time as there are processors: each is in a namespace of its own. Answers
/// how many are bad.
fn run_all(rows: &[Row], is_good: fn(&Row) -> bool) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    parallel::map(rows, processors, |_, row| is_good(row)).iter().filter(|is_good| !**is_good).count()
}

/// Runs a row and says in a line how it went. A row that cannot run here is not a
/// fault, but it is named.
fn is_good(row: &Row) -> bool {
    let panicked = |_| RowOutcome::Failed("it panicked; see above".to_owned());
    let title = &row.title;
    match catch_unwind(AssertUnwindSafe(|| run::whole(row))).unwrap_or_else(panicked) {
        RowOutcome::Found(found) => {
            say_if_none(title, &found.in_container);
            let [(before, of), (after, _)] = found.lost();
            let faults = found.faults(row);
            println!(
                "{title}: {before} lost of {of} without, {after} with{}",
                faults.iter().map(|fault| format!("\n  FAULT: {fault}")).collect::<String>()
            );
            faults.is_empty()
        }
        RowOutcome::Skipped(reason) => {
            println!("skipped: {title}: {reason}");
            true
        }
        RowOutcome::Failed(reason) => {
            println!("{title}\n  FAULT: {reason}");
            false
        }
    }
}

/// As [`is_good`], for the column *in a container* alone.
fn is_good_in_container(row: &Row) -> bool {
    let title = &row.title;
    match run::container_alone(row) {
        Ok(found) => {
            say_if_none(title, &found);
            if let InContainer::Tolls(tolls) = &found {
                println!("{title}: in a container: without {:?}, with {:?}", tolls[0], tolls[1]);
            }
            let faults = found.faults(row);
            faults.iter().for_each(|fault| println!("  FAULT: {fault}"));
            faults.is_empty()
        }
        Err(reason) => {
            println!("{title}\n  FAULT: {reason}");
            false
        }
    }
}

fn say_if_none(title: &str, found: &InContainer) {
    if let InContainer::Not(reason) = found {
        println!("skipped: {title}, in a container: {reason}");
    }
}

fn write_down() -> Result<(), Box<dyn std::error::Error>> {
    let entries: Vec<Entry> = Row::all(&[])?
        .into_iter()
        .map(|row| {
            let found = run::kept(&row).ok_or_else(|| "not run".to_owned());
            (row, found)
        })
        .collect();
    let docs = project().join("docs");
    std::fs::write(docs.join("compatibility.md"), page::render(&entries))?;
    Ok(chart::draw(&entries, &docs.join("compatibility.svg"))?)
}

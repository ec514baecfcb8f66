//! `make compat`: the matrix of real programs. Names as arguments choose rows; all
//! kept results, these and earlier ones, go into `docs/compatibility.md`.

use shim_tests::compat::page::{self, Entry};
use shim_tests::compat::row::Row;
use shim_tests::compat::run::{self, Outcome};
use shim_tests::compat::{chart, install};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

fn main() -> ExitCode {
    let names: Vec<String> = std::env::args().skip(1).collect();
    let rows = Row::all(&names).unwrap_or_else(|error| panic!("{error}"));
    install::packages(&rows);
    let bad = rows.iter().filter(|row| !is_good(row)).count();
    write_down().unwrap_or_else(|error| panic!("{error}"));
    println!("{} passed, {bad} failed", rows.len() - bad);
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a row and says in a line how it went. A row that cannot run here is not a
/// fault, but it is named.
fn is_good(row: &Row) -> bool {
    let panicked = |_| Outcome::Failed("it panicked; see above".to_owned());
    let title = &row.title;
    match catch_unwind(AssertUnwindSafe(|| run::whole(row))).unwrap_or_else(panicked) {
        Outcome::Found(found) => {
            let [(before, of), (after, _)] = found.lost();
            let faults = found.faults(row.out_of_reach.is_some());
            println!(
                "{title}: {before} lost of {of} without, {after} with{}",
                faults.iter().map(|fault| format!("\n  FAULT: {fault}")).collect::<String>()
            );
            faults.is_empty()
        }
        Outcome::Skipped(reason) => {
            println!("skipped: {title}: {reason}");
            true
        }
        Outcome::Failed(reason) => {
            println!("{title}\n  FAULT: {reason}");
            false
        }
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
    std::fs::write(docs().join("compatibility.md"), page::render(&entries))?;
    chart::draw(&entries, &docs().join("compatibility.svg"))
}

fn docs() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs")
}

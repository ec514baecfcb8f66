//! What is measured: a file for each.

mod beside;
mod calls;
mod drains;
mod files;
mod forks;
mod growth;
mod held;
mod latency;
mod nginx;
mod profile;
mod reasons;
mod start;
mod upload;

use crate::outcome::{Outcome, Table};
use crate::page::number;
use crate::ratio::Spread;

/// One measure.
#[derive(Clone, Copy)]
pub struct Measure {
    /// Its name as an argument, of its file and of its section.
    pub name: &'static str,
    /// What it is, in a line.
    pub title: &'static str,
    /// How it is done.
    pub about: &'static str,
    /// Does it, so many rounds long, or says why it cannot.
    pub run: fn(usize) -> Result<Outcome, String>,
}

/// In the order of the page.
pub const MEASURES: [Measure; 12] = [
    files::MEASURE,
    nginx::MEASURE,
    forks::MEASURE,
    latency::MEASURE,
    beside::MEASURE,
    held::MEASURE,
    upload::MEASURE,
    drains::MEASURE,
    start::MEASURE,
    growth::MEASURE,
    calls::MEASURE,
    profile::MEASURE,
];

/// What each arm had by itself, for who wants more than ratios.
fn absolutes(title: &str, arms: &[(&str, &[f64])]) -> Table {
    let mut table = Table::new(title, &["", "median", "quartiles"]);
    for (name, points) in arms {
        let spread = Spread::of(points);
        let quartiles = format!("{} – {}", number(spread.lower), number(spread.upper));
        table.row([(*name).to_owned(), number(spread.median), quartiles]);
    }
    table
}

/// The median, in words: what a bare arm had.
fn median(points: &[f64], unit: &str) -> String {
    format!("{} {unit}", number(Spread::of(points).median))
}

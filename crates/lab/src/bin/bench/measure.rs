//! What a measure is, and helpers that all measures use.

use crate::measurement::{Measurement, Table};
use crate::number::number;
use crate::ratio::Spread;

/// One measure.
#[derive(Clone, Copy)]
pub struct Measure {
    /// Its name: as an argument, of its file, and of its section in the page.
    pub name: &'static str,
    /// What it measures, in a line.
    pub title: &'static str,
    /// How it is done.
    pub about: &'static str,
    /// Runs it for so many rounds, or says why it cannot run here.
    pub run: fn(usize) -> Result<Measurement, String>,
}

/// A table of what each arm had by itself, beside the ratios.
pub fn absolutes(title: &str, arms: &[(&str, &[f64])]) -> Table {
    let mut table = Table::new(title, &["", "median", "quartiles"]);
    for (name, points) in arms {
        let spread = Spread::of(points);
        let quartiles = format!("{} – {}", number(spread.lower), number(spread.upper));
        table.row([(*name).to_owned(), number(spread.median), quartiles]);
    }
    table
}

/// [`absolutes`] of two arms: without softclose, and with it.
pub fn both_absolutes(title: &str, found: &[Vec<f64>]) -> Table {
    absolutes(title, &[("bare", &found[0]), ("with softclose", &found[1])])
}

/// The median in words, for what a bare arm had.
pub fn median(points: &[f64], unit: &str) -> String {
    format!("{} {unit}", number(Spread::of(points).median))
}

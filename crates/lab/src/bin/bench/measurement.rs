//! What a measure has found: kept in a file of its own, so that one that runs again
//! renews its own part of the page only.

use crate::ratio::Spread;
use serde::{Deserialize, Serialize};
use shim_tests::built::project;
use std::path::PathBuf;

/// The goal of a figure.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Goal {
    /// No more than this.
    AtMost(f64),
    /// No less than this.
    AtLeast(f64),
}

impl Goal {
    /// Whether `figure` reaches the goal.
    pub fn is_reached(self, figure: f64) -> bool {
        match self {
            Self::AtMost(most) => figure <= most,
            Self::AtLeast(least) => figure >= least,
        }
    }

    /// The number of the goal.
    pub fn value(self) -> f64 {
        match self {
            Self::AtMost(value) | Self::AtLeast(value) => value,
        }
    }
}

/// A row of the table: something measured, once a round.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// What was measured.
    pub what: String,
    /// What the bare arm had, with its unit.
    pub bare: String,
    /// The unit of `points`. Empty for a ratio.
    pub unit: String,
    /// The points, one for each round.
    pub points: Vec<f64>,
    /// What must be reached.
    pub required: Option<Goal>,
    /// What is aimed at.
    pub aim: Option<Goal>,
}

impl Figure {
    /// A ratio to a bare arm, without goals yet.
    pub fn ratio(what: impl Into<String>, bare: impl Into<String>, points: Vec<f64>) -> Self {
        Self::of(what, bare, "", points)
    }

    /// A figure with a unit, without goals yet.
    pub fn of(what: impl Into<String>, bare: impl Into<String>, unit: &str, points: Vec<f64>) -> Self {
        let points = points.into_iter().map(short).collect();
        Self { what: what.into(), bare: bare.into(), unit: unit.to_owned(), points, required: None, aim: None }
    }

    /// Sets what must be reached.
    pub fn must(mut self, goal: Goal) -> Self {
        self.required = Some(goal);
        self
    }

    /// Sets what is aimed at.
    pub fn aims_at(mut self, goal: Goal) -> Self {
        self.aim = Some(goal);
        self
    }

    /// Middle and quartiles of the rounds.
    pub fn spread(&self) -> Spread {
        Spread::of(&self.points)
    }
}

/// Rounds to five digits. More would be noise, and fill the kept file.
fn short(value: f64) -> f64 {
    format!("{value:.4e}").parse().unwrap_or(value)
}

/// A table below the figures: what each arm had, counts, symbols.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Table {
    /// A sentence above it.
    pub title: String,
    /// Names of the columns.
    pub head: Vec<String>,
    /// Cells.
    pub rows: Vec<Vec<String>>,
}

impl Table {
    /// Without rows yet.
    pub fn new(title: impl Into<String>, head: &[&str]) -> Self {
        Self { title: title.into(), head: head.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() }
    }

    /// One more row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

/// Everything that a measure has found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Measurement {
    /// The machine that it ran on.
    pub machine: String,
    /// Percent of its processors that others had meanwhile.
    pub others: f64,
    /// Rows of the summary.
    pub figures: Vec<Figure>,
    /// Tables of its section.
    pub tables: Vec<Table>,
}

impl Measurement {
    /// What the last run of this measure found.
    pub fn kept(measure: &str) -> Option<Self> {
        serde_json::from_str(&std::fs::read_to_string(place(measure)).ok()?).ok()
    }

    /// Keeps it for the page.
    ///
    /// # Errors
    /// That the file cannot be written.
    pub fn keep(&self, measure: &str) -> std::io::Result<()> {
        let text = serde_json::to_string_pretty(self).expect("an outcome is plain data");
        let place = place(measure);
        std::fs::create_dir_all(place.parent().expect("a directory"))?;
        std::fs::write(place, text + "\n")
    }
}

/// The directory `docs/performance`.
pub fn folder() -> PathBuf {
    project().join("docs/performance")
}

fn place(measure: &str) -> PathBuf {
    folder().join("results").join(measure).with_extension("json")
}

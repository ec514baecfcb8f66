//! The measures, one file each. A new one is a file here and a line in [`MEASURES`].

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

use crate::measure::Measure;

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

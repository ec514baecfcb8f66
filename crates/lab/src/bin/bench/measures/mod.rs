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
mod pgbench;
mod profile;
mod reasons;
mod servers;
mod servers_cpu;
mod shells;
mod start;
mod upload;

use crate::measure::Measure;

/// In the order of the page.
pub const MEASURES: [Measure; 16] = [
    files::MEASURE,
    nginx::MEASURE,
    servers_cpu::MEASURE,
    servers::MEASURE,
    forks::MEASURE,
    pgbench::MEASURE,
    shells::MEASURE,
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

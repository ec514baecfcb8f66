//! What is in a row, and the order of rows.

use super::columns::Column;
use super::keys::View;
use crate::human;
use crate::stats_file::FileId;
use crate::survey::{Liveness, Program, Survey};
use softclose_core::counters::names::{BEGUN, DISCARDED, LEFT_ALONE, METRICS, RESETS_AVOIDED, Series};
use softclose_core::decision::Reason;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Instant;

/// The row of one program.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pid: u32,
    program: String,
    processes: u64,
    closes_a_second: f64,
    drains_a_second: f64,
    held: u64,
    drains: u64,
    resets: u64,
    discarded: u64,
    missed: u64,
}

impl Row {
    /// The text of a cell.
    pub fn cell(&self, column: Column) -> String {
        match column {
            Column::Program => self.program.clone(),
            Column::Closes => rate(self.closes_a_second),
            Column::Rate => rate(self.drains_a_second),
            Column::Discarded => human::size(self.discarded),
            column => human::count(self.number(column)),
        }
    }

    /// The number by which a cell is sorted.
    fn number(&self, column: Column) -> u64 {
        const THOUSANDTHS: f64 = 1000.0;
        match column {
            Column::Pid => self.pid.into(),
            Column::Program => 0,
            Column::Processes => self.processes,
            Column::Closes => (self.closes_a_second * THOUSANDTHS) as u64,
            Column::Rate => (self.drains_a_second * THOUSANDTHS) as u64,
            Column::Held => self.held,
            Column::Drains => self.drains,
            Column::Resets => self.resets,
            Column::Discarded => self.discarded,
            Column::Missed => self.missed,
        }
    }
}

/// A rate in at most seven characters.
fn rate(rate: f64) -> String {
    if rate < 10_000.0 { format!("{rate:.1}") } else { human::count(rate as u64) }
}

/// The numbers of a program at the last update.
#[derive(Clone, Copy)]
struct Before {
    at: Instant,
    closes: u64,
    drains: u64,
}

/// All rows, and the numbers from which rates are computed.
#[derive(Default)]
pub struct Rows {
    rows: Vec<Row>,
    before: HashMap<FileId, Before>,
    hidden: usize,
}

impl Rows {
    /// Takes over a new survey.
    pub fn update(&mut self, survey: &Survey, now: Instant) {
        let live: Vec<_> = survey.programs.iter().filter(|program| program.state == Liveness::Live).collect();
        self.rows = live.iter().map(|program| row(program, self.before.get(&program.file.id), now)).collect();
        let before = |program: &&Program| {
            let (closes, drains) = (closes(program), program.reading.value(BEGUN));
            (program.file.id, Before { at: now, closes, drains })
        };
        self.before = live.iter().map(before).collect();
        self.hidden = survey.unreadable.iter().filter(|file| file.is_mapped).count();
    }

    /// The rows that the filter lets through, in order: the largest number first, or names from A.
    pub fn shown(&self, view: &View) -> Vec<&Row> {
        let fits = |row: &&Row| row.program.contains(&view.filter) || row.pid.to_string().contains(&view.filter);
        let mut rows: Vec<_> = self.rows.iter().filter(fits).collect();
        match view.sort {
            Column::Program => rows.sort_by(|one, other| one.program.cmp(&other.program)),
            Column::Pid => rows.sort_by_key(|row| row.pid),
            column => rows.sort_by_key(|row| (Reverse(row.number(column)), row.pid)),
        }
        if view.is_reversed {
            rows.reverse();
        }
        rows
    }

    /// The number of programs whose counters cannot be read.
    pub fn hidden(&self) -> usize {
        self.hidden
    }
}

fn closes(program: &Program) -> u64 {
    let sum = METRICS.iter().find_map(|metric| match metric.series {
        Series::Sum(ranges) => Some(ranges),
        _ => None,
    });
    program.reading.sum(sum.into_iter().flatten().cloned().flatten())
}

fn row(program: &Program, before: Option<&Before>, now: Instant) -> Row {
    const MISSED: [Reason; 5] = [Reason::Unsure, Reason::Busy, Reason::Full, Reason::NoThread, Reason::Denied];
    let value = |at| program.reading.value(at);
    let a_second = |now_counted: u64, then: fn(&Before) -> u64| {
        let seconds = before.map_or(0.0, |before| now.duration_since(before.at).as_secs_f64());
        let more = before.map_or(0, |before| now_counted.saturating_sub(then(before)));
        if seconds > 0.0 { more as f64 / seconds } else { 0.0 }
    };
    Row {
        pid: program.pid(),
        program: program.reading.program.clone(),
        processes: program.processes.len() as u64,
        closes_a_second: a_second(closes(program), |before| before.closes),
        drains_a_second: a_second(value(BEGUN), |before| before.drains),
        held: program.held(),
        drains: value(BEGUN),
        resets: value(RESETS_AVOIDED),
        discarded: value(DISCARDED),
        missed: program.reading.sum(MISSED.map(|reason| LEFT_ALONE + reason as usize)),
    }
}

#[cfg(test)]
impl Rows {
    /// One program, all of whose numbers are `number`.
    pub fn of_one(pid: u32, program: &str, number: u64) -> Self {
        let rate = number as f64;
        let row = Row {
            pid,
            program: program.into(),
            processes: number,
            closes_a_second: rate,
            drains_a_second: rate,
            held: number,
            drains: number,
            resets: number,
            discarded: number,
            missed: number,
        };
        Self { rows: vec![row], ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Rows {
        let row = |pid, program: &str, drains| Row { pid, program: program.into(), drains, ..Row::default() };
        Rows { rows: vec![row(3, "nginx", 5), row(1, "redis", 9), row(20, "apache", 7)], ..Rows::default() }
    }

    fn pids(view: &View) -> Vec<u32> {
        rows().shown(view).iter().map(|row| row.pid).collect()
    }

    #[test]
    fn numbers_come_from_the_largest_and_names_from_the_first() {
        assert_eq!(pids(&View { sort: Column::Drains, ..View::default() }), [1, 20, 3]);
        assert_eq!(pids(&View { sort: Column::Program, ..View::default() }), [20, 3, 1]);
        assert_eq!(pids(&View { sort: Column::Pid, is_reversed: true, ..View::default() }), [20, 3, 1]);
    }

    #[test]
    fn a_filter_looks_at_programs_and_pids() {
        let filtered = |filter: &str| pids(&View { filter: filter.into(), sort: Column::Pid, ..View::default() });
        assert_eq!(filtered("ng"), [3]);
        assert_eq!(filtered("0"), [20]);
        assert_eq!(filtered("none"), [0; 0]);
    }
}

//! What must hold of any content of a stats file, and of any text in `/proc`. The fuzz target `pages`
//! and the test of softclosectl with random content share this.

use softclose_core::counters::page::{LAYOUT, MAGIC, Page, Reading, SIZE};
use softclose_ctl::proc::{Map, Stat, Status};
use softclose_ctl::stats_file::{FileId, StatsFile};
use softclose_ctl::survey::{Liveness, Process, Program, Survey};
use softclose_ctl::{explain, prometheus, ps, stat};
use std::mem::offset_of;
use std::time::{Duration, SystemTime};

/// A pid that no process has.
const PID: u32 = u32::MAX;

/// Shows `bytes` by every command.
pub fn is_harmless(bytes: &[u8]) {
    for line in bytes.split(|&byte| byte == b'\n') {
        let _ = (Map::of(line), Stat::of(line));
    }
    let _ = (Status::of(bytes), Reading::of(bytes));
    let states = [Liveness::Live, Liveness::Dead, Liveness::Unknown];
    if let Ok(reading) = Reading::of(&page(bytes)) {
        let mut survey = Survey::default();
        survey.programs = states.into_iter().zip(0..).map(|(state, at)| program(&reading, state, at)).collect();
        // A process with two files.
        survey.programs.push(program(&reading, Liveness::Live, 3));
        survey.processes = vec![process()];
        shows(&survey);
    }
}

/// A page with the head that it must have, and `bytes` behind that.
fn page(bytes: &[u8]) -> Vec<u8> {
    let mut page = vec![0; SIZE];
    page.iter_mut().skip(offset_of!(Page, version)).zip(bytes).for_each(|(to, from)| *to = *from);
    page[..8].copy_from_slice(&MAGIC.to_ne_bytes());
    page[offset_of!(Page, layout)..][..4].copy_from_slice(&LAYOUT.to_ne_bytes());
    page
}

fn process() -> Process {
    Process {
        pid: PID,
        own_pid: PID,
        user: 0,
        program: "program".to_owned(),
        uptime: Duration::MAX,
        stats_files: vec![id(0), id(3)],
        arbiter: None,
    }
}

fn id(inode: u64) -> FileId {
    FileId { device: (0, 0), inode }
}

fn program(reading: &Reading, state: Liveness, inode: u64) -> Program {
    let file = StatsFile {
        path: "/f".into(),
        id: id(inode),
        user: 0,
        is_open_to_others: false,
        changed: SystemTime::UNIX_EPOCH,
        is_unused: None,
        content: Ok(reading.clone()),
    };
    let _ = (file.is_marked(), file.age());
    let processes = if state == Liveness::Live { vec![process()] } else { Vec::new() };
    Program { file, reading: reading.clone(), processes, state }
}

/// The text of each command has the lines that it has of any program, and nothing that a terminal
/// obeys.
fn shows(survey: &Survey) {
    let lines = |text: &str| text.lines().inspect(|line| is_plain(line)).count();
    // The head, the process, and either a row for each program that is gone, or one line for both.
    assert_eq!((lines(&ps::text(survey, true)), lines(&ps::text(survey, false))), (4, 3));
    for program in &survey.programs {
        lines(&stat::text(program));
        lines(&explain::text(program));
        is_plain(&stat::json(program).to_string());
    }
    is_plain(&ps::json(survey).to_string());
    let text = prometheus::text(survey);
    lines(&text);
    let mut series: Vec<_> = text.lines().filter(|line| !line.starts_with('#')).map(series).collect();
    let count = series.len();
    series.sort_unstable();
    series.dedup();
    assert_eq!(series.len(), count, "a series is there twice");
}

fn is_plain(line: &str) {
    let is_evil = |one: char| {
        one.is_control()
            || matches!(one, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}')
    };
    assert!(!line.contains(is_evil), "{line:?}");
}

/// The name and labels of a sample, which has a number behind them.
fn series(line: &str) -> &str {
    let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?}"));
    assert!(value.parse::<f64>().is_ok() && series.ends_with('}'), "{line:?}");
    series
}

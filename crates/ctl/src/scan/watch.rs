//! `--watch`: the services while a scan runs, on a screen like that of `top`.

use super::text::{Table, counted};
use super::{Pace, Scan};
use crate::human;
use crate::signals::Signals;
use crate::top::keys::{Next, View};
use crate::top::terminal;
use crate::top::view::{Screen, hint, screen};
use anyhow::Result;
use ratatui::DefaultTerminal;
use ratatui::layout::Constraint;
use std::time::Duration;

/// Shows the table until q is pressed, the time is over, a signal comes, or the terminal is gone.
pub fn watch(scan: &mut Scan, signals: &Signals, time: Duration) -> Result<()> {
    terminal::on_screen(|terminal| show(terminal, scan, signals, time))
}

fn show(terminal: &mut DefaultTerminal, scan: &mut Scan, signals: &Signals, time: Duration) -> Result<()> {
    let (mut view, mut pace, keys) = (View::default(), Pace::default(), terminal::keys());
    while scan.is_on(time, signals) && !terminal::is_gone() {
        scan.step(time)?;
        if keys.try_iter().flatten().any(|key| view.press(key) == Next::Quit) {
            break;
        }
        if pace.is_due() {
            terminal.draw(|frame| screen(frame, &what(scan, &view, frame.area().width)))?;
        }
    }
    Ok(())
}

fn what(scan: &Scan, view: &View, width: u16) -> Screen {
    let services = &scan.attribution.services;
    let table = Table::of(&services.sorted(), &services.others, scan.decoder.reasons().are_told());
    let fits = |row: &&Vec<String>| row.iter().any(|cell| cell.contains(&view.filter));
    let heads = table.heads();
    let widths: Vec<_> = heads.iter().enumerate().map(|(at, head)| column(at, head)).collect();
    let places = fitting(&widths, width);
    let constraint = |&at: &usize| if at == PROGRAM { Constraint::Fill(1) } else { Constraint::Length(widths[at]) };
    let row = |row: &Vec<String>| places.iter().map(|&at| row[at].clone()).collect();
    Screen {
        title: format!(
            "softclose scan: {}, {}, by {}",
            human::duration(scan.began.elapsed()),
            counted(scan.attribution.total(), "connection", " cut off"),
            counted(services.sorted().len() as u64, "service", "")
        ),
        widths: places.iter().map(constraint).collect(),
        heads: places.iter().map(|&at| heads[at].to_owned()).collect(),
        rows: table.rows.iter().filter(fits).map(row).collect(),
        hint: hint(view, "q quit  / filter"),
    }
}

/// Places of columns in the table.
const PROGRAM: usize = 0;
const UNIT: usize = 1;
const PID: usize = 3;

/// How wide the column at a place is at least.
fn column(at: usize, head: &str) -> u16 {
    match at {
        PROGRAM | UNIT => 14,
        _ => head.len().max(8) as u16,
    }
}

/// The places of the columns that have room on a screen of this width. The unit and the pid go first, then what is on
/// the right. The program never goes.
fn fitting(widths: &[u16], screen: u16) -> Vec<usize> {
    let mut places: Vec<_> = (0..widths.len()).collect();
    for place in [UNIT, PID].into_iter().chain((PROGRAM + 1..widths.len()).rev()) {
        let taken: u16 = places.iter().map(|&at| widths[at] + 1).sum();
        if taken > screen.saturating_add(1) {
            places.retain(|&at| at != place);
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    /// At 60 columns there was no PROGRAM, and parts of the others.
    #[test]
    fn the_program_is_on_every_screen_and_counts_stay_as_long_as_they_can() {
        let heads = ["PROGRAM", "UNIT", "PORT", "PID", "UNREAD", "LATE", "ASKED"];
        let widths: Vec<_> = heads.iter().enumerate().map(|(at, head)| column(at, head)).collect();
        let shown = |width| fitting(&widths, width).iter().map(|&at| heads[at]).collect::<Vec<_>>();
        assert_eq!(shown(80), heads);
        assert_eq!(shown(60), ["PROGRAM", "PORT", "PID", "UNREAD", "LATE", "ASKED"]);
        assert_eq!(shown(50), ["PROGRAM", "PORT", "UNREAD", "LATE", "ASKED"]);
        assert_eq!(shown(40), ["PROGRAM", "PORT", "UNREAD"]);
        assert_eq!(shown(1), ["PROGRAM"]);
    }
}

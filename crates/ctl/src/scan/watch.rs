//! `--watch`: the services while a scan runs, on a screen like that of `top`.

use super::Scan;
use super::signals::Signals;
use super::text::{Table, counted};
use crate::human;
use crate::top::keys::{Next, View};
use crate::top::view::{Screen, hint, screen};
use anyhow::{Context, Result};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use ratatui::layout::Constraint;
use std::time::Duration;

/// Shows the table until q is pressed, the time is over, or a signal comes.
pub fn watch(scan: &mut Scan, signals: &Signals, time: Duration) -> Result<()> {
    let mut terminal = ratatui::try_init().context("--watch needs a terminal to draw on")?;
    let outcome = show(&mut terminal, scan, signals, time);
    ratatui::restore();
    outcome
}

fn show(terminal: &mut DefaultTerminal, scan: &mut Scan, signals: &Signals, time: Duration) -> Result<()> {
    let mut view = View::default();
    while scan.is_on(time, signals) {
        scan.step(time)?;
        while event::poll(Duration::ZERO)? {
            if let Event::Key(key) = event::read()?
                && key.kind == KeyEventKind::Press
                && view.press(key) == Next::Quit
            {
                return Ok(());
            }
        }
        terminal.draw(|frame| screen(frame, &what(scan, &view)))?;
    }
    Ok(())
}

fn what(scan: &Scan, view: &View) -> Screen {
    let services = &scan.attribution.services;
    let table = Table::of(&services.sorted(), &services.others, scan.decoder.reasons().are_told());
    let fits = |row: &Vec<String>| row.iter().any(|cell| cell.contains(&view.filter));
    let heads: Vec<_> = table.heads().into_iter().map(str::to_owned).collect();
    let width = |(at, head): (usize, &String)| match at {
        0 => Constraint::Fill(1),
        1 => Constraint::Length(15),
        _ => Constraint::Length(head.len().max(8) as u16),
    };
    Screen {
        title: format!(
            "softclose scan: {}, {}, by {}",
            human::duration(scan.began.elapsed()),
            counted(scan.attribution.total(), "connection", " cut off"),
            counted(services.sorted().len() as u64, "service", "")
        ),
        widths: heads.iter().enumerate().map(width).collect(),
        heads,
        rows: table.rows.iter().filter(|row| fits(row)).cloned().collect(),
        hint: hint(view, "q quit  / filter"),
    }
}

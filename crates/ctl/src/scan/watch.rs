//! `--watch`: the services while a scan runs, on a screen like that of `top`.

use super::signals::Signals;
use super::text::{Table, counted};
use super::{Pace, Scan};
use crate::human;
use crate::top::keys::{Next, View};
use crate::top::view::{Screen, hint, screen};
use anyhow::{Context, Result, ensure};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use ratatui::layout::Constraint;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{IsTerminal, stdin, stdout};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// Shows the table until q is pressed, the time is over, a signal comes, or the terminal is gone.
pub fn watch(scan: &mut Scan, signals: &Signals, time: Duration) -> Result<()> {
    ensure!(stdin().is_terminal() && stdout().is_terminal(), "--watch needs a terminal to draw on");
    let mut terminal = ratatui::try_init().context("cannot draw on this terminal")?;
    let outcome = show(&mut terminal, scan, signals, time);
    if is_gone() {
        // Its drop would write to it, and panic if stderr is gone as well.
        std::mem::forget(terminal);
        return Ok(());
    }
    ratatui::restore();
    outcome
}

fn show(terminal: &mut DefaultTerminal, scan: &mut Scan, signals: &Signals, time: Duration) -> Result<()> {
    let (mut view, mut pace) = (View::default(), Pace::default());
    let keys = keys();
    while scan.is_on(time, signals) && !is_gone() {
        scan.step(time)?;
        if keys.try_iter().any(|key| view.press(key) == Next::Quit) {
            break;
        }
        if pace.is_due() {
            terminal.draw(|frame| screen(frame, &what(scan, &view)))?;
        }
    }
    Ok(())
}

/// The keys that are pressed. A thread of their own reads them: at a terminal that is gone, crossterm reads for ever.
fn keys() -> Receiver<KeyEvent> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            if let Event::Key(key) = event
                && key.kind == KeyEventKind::Press
                && sender.send(key).is_err()
            {
                return;
            }
        }
    });
    receiver
}

/// Whether the terminal has been closed.
fn is_gone() -> bool {
    let stdin = stdin();
    let mut all = [PollFd::new(&stdin, PollFlags::empty())];
    let asked = poll(&mut all, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    asked.is_ok() && all[0].revents().contains(PollFlags::HUP)
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

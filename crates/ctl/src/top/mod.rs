//! `softclosectl top`: a table of programs that is updated as you look.
//!
//! | file | one idea |
//! |---|---|
//! | [`columns`] | the columns |
//! | [`rows`] | what is in a row, and the order of rows |
//! | [`keys`] | what a key does |
//! | [`view`] | how the screen is drawn |

pub mod columns;
pub mod keys;
pub mod rows;
pub mod view;

use crate::args::Top;
use crate::survey::survey;
use anyhow::{Context, Result, ensure};
use keys::{Next, View};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};
use rows::Rows;
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Instant;

/// Shows the table until q is pressed.
pub fn run(options: &Top, directories: &[PathBuf]) -> Result<()> {
    ensure!(is_terminal(), "top needs a terminal to draw on: stat and ps print to anything");
    on_screen(|terminal| watch(terminal, options, directories))
}

/// Whether there is a screen to draw on.
pub fn is_terminal() -> bool {
    std::io::stdout().is_terminal()
}

/// Takes the screen for as long as `draw` runs.
pub fn on_screen<T>(draw: impl FnOnce(&mut DefaultTerminal) -> Result<T>) -> Result<T> {
    let mut terminal = ratatui::try_init().context("cannot draw on this terminal")?;
    let outcome = draw(&mut terminal);
    ratatui::restore();
    outcome
}

fn watch(terminal: &mut DefaultTerminal, options: &Top, directories: &[PathBuf]) -> Result<()> {
    let mut view = View::default();
    let mut rows = Rows::default();
    loop {
        rows.update(&survey(directories)?, Instant::now());
        let until = Instant::now() + options.interval;
        loop {
            terminal.draw(|frame| view::draw(frame, &view, &rows))?;
            if !event::poll(until.saturating_duration_since(Instant::now()))? {
                break;
            }
            if let Event::Key(key) = event::read()?
                && key.kind == KeyEventKind::Press
                && view.press(key) == Next::Quit
            {
                return Ok(());
            }
        }
    }
}

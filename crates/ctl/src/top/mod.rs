//! `softclosectl top`: a table of programs that is updated as you look.
//!
//! | file | one idea |
//! |---|---|
//! | [`columns`] | the columns |
//! | [`rows`] | what is in a row, and the order of rows |
//! | [`keys`] | what a key does |
//! | [`view`] | how the screen is drawn |
//! | [`terminal`] | the screen, its keys, and whether it is still there |

pub mod columns;
pub mod keys;
pub mod rows;
pub mod terminal;
pub mod view;

use crate::args::Top;
use crate::survey::survey;
use anyhow::{Result, ensure};
use keys::{Next, View};
use ratatui::DefaultTerminal;
use rows::Rows;
use std::path::PathBuf;
use std::sync::mpsc::RecvTimeoutError;
use std::time::Instant;

/// Shows the table until q is pressed, or the terminal is gone.
pub fn run(options: &Top, directories: &[PathBuf]) -> Result<()> {
    ensure!(terminal::is_there(), "top needs a terminal to draw on: stat and ps print to anything");
    terminal::on_screen(|terminal| watch(terminal, options, directories))
}

fn watch(terminal: &mut DefaultTerminal, options: &Top, directories: &[PathBuf]) -> Result<()> {
    let (mut view, mut rows, keys) = (View::default(), Rows::default(), terminal::keys());
    while !terminal::is_gone() {
        rows.update(&survey(directories)?, Instant::now());
        let until = Instant::now() + options.interval;
        loop {
            terminal.draw(|frame| view::draw(frame, &view, &rows))?;
            match keys.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(Some(key)) if view.press(key) == Next::Quit => return Ok(()),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }
    Ok(())
}

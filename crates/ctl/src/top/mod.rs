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
use crate::signals::Signals;
use crate::survey::survey;
use anyhow::{Result, ensure};
use keys::{Next, View};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::KeyEvent;
use rows::Rows;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// Shows the table until q is pressed, a signal comes, or the terminal is gone.
pub fn run(options: &Top, directories: &[PathBuf]) -> Result<()> {
    ensure!(terminal::is_there(), "top needs a terminal to draw on: stat and ps print to anything");
    // Ahead of the screen: a signal must not leave that as it is.
    let signals = Signals::catch()?;
    terminal::on_screen(|terminal| watch(terminal, options, directories, &signals))
}

fn watch(terminal: &mut DefaultTerminal, options: &Top, directories: &[PathBuf], signals: &Signals) -> Result<()> {
    let (mut view, mut rows, keys) = (View::default(), Rows::default(), terminal::keys());
    while !terminal::is_gone() && !signals.asked() {
        rows.update(&survey(directories)?, Instant::now());
        let until = Instant::now() + options.interval;
        loop {
            terminal.draw(|frame| view::draw(frame, &view, &rows))?;
            match next_key(&keys, until, signals) {
                Ok(Some(key)) if view.press(key) == Next::Quit => return Ok(()),
                Ok(_) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    }
    Ok(())
}

/// Waits for a key until some time, or until a signal asks to end.
fn next_key(
    keys: &Receiver<Option<KeyEvent>>,
    until: Instant,
    signals: &Signals,
) -> Result<Option<KeyEvent>, RecvTimeoutError> {
    /// A signal does not end the wait.
    const LONGEST: Duration = Duration::from_millis(200);
    loop {
        let left = until.saturating_duration_since(Instant::now());
        match keys.recv_timeout(left.min(LONGEST)) {
            Err(RecvTimeoutError::Timeout) if left > LONGEST && !signals.asked() => {}
            outcome => return outcome,
        }
    }
}

//! The terminal that a live table is drawn on: its screen, its keys, and whether it is still there.

use anyhow::{Context, Result};
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEvent, KeyEventKind};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{IsTerminal, stdin, stdout};
use std::sync::mpsc::{Receiver, channel};

/// Whether there is a screen to draw on, and keys to read.
pub fn is_there() -> bool {
    stdin().is_terminal() && stdout().is_terminal()
}

/// Takes the screen for as long as `draw` runs.
pub fn on_screen(draw: impl FnOnce(&mut DefaultTerminal) -> Result<()>) -> Result<()> {
    let screen = ratatui::try_init().context("cannot draw on this terminal");
    let outcome = screen.and_then(|terminal| drawn(terminal, draw));
    if is_gone() {
        return Ok(());
    }
    ratatui::restore();
    outcome
}

fn drawn(mut terminal: DefaultTerminal, draw: impl FnOnce(&mut DefaultTerminal) -> Result<()>) -> Result<()> {
    let outcome = draw(&mut terminal);
    if is_gone() {
        // Its drop would write to it, and panic if stderr is gone as well.
        std::mem::forget(terminal);
    }
    outcome
}

/// The keys that are pressed. A thread of their own reads them: at a terminal that is gone, crossterm reads for ever. With
/// each key, or another size of the screen, there is something to draw.
pub fn keys() -> Receiver<Option<KeyEvent>> {
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        while let Ok(event) = event::read() {
            let key = match event {
                Event::Key(key) if key.kind == KeyEventKind::Press => Some(key),
                Event::Resize(..) => None,
                _ => continue,
            };
            if sender.send(key).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Whether the terminal has been closed.
pub fn is_gone() -> bool {
    let stdin = stdin();
    let mut all = [PollFd::new(&stdin, PollFlags::empty())];
    let asked = poll(&mut all, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }));
    asked.is_ok() && all[0].revents().contains(PollFlags::HUP)
}

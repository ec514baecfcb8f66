//! Signals that end a scan or a live table early. They only set a flag: a trace instance is removed, a terminal is given
//! back and a result shown as at the usual end.

use anyhow::Result;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::flag;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether a signal has asked to end.
#[derive(Debug)]
pub struct Signals {
    asked: Arc<AtomicBool>,
    default: Arc<AtomicBool>,
}

impl Signals {
    /// Catches the signals from now on.
    pub fn catch() -> Result<Self> {
        let caught = Self { asked: Arc::default(), default: Arc::default() };
        for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
            // The order counts: the first one sees the flag as it was before this signal.
            flag::register_conditional_default(signal, Arc::clone(&caught.default))?;
            flag::register(signal, Arc::clone(&caught.asked))?;
        }
        Ok(caught)
    }

    /// Whether one has come.
    pub fn asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    /// Lets signals do again what they do by default: nothing has to be cleaned up any more, and a reader of the output
    /// may keep us waiting.
    pub fn let_go(&self) {
        self.default.store(true, Ordering::Relaxed);
    }
}

//! Standard input as a gate: each line lets every waiting connection pass once,
//! the end of input lets everybody pass for ever.

use std::io::BufRead;
use std::sync::{Arc, Condvar, Mutex};

pub struct Gate {
    opened: Mutex<usize>,
    changed: Condvar,
}

/// A connection's place: how many lines it has used up.
pub struct Ticket {
    gate: Arc<Gate>,
    used: usize,
}

impl Gate {
    pub fn open() -> Self {
        Self { opened: Mutex::new(0), changed: Condvar::new() }
    }

    /// Starts reading standard input at the first ticket.
    pub fn ticket(self: &Arc<Self>) -> Ticket {
        static READER: std::sync::Once = std::sync::Once::new();
        READER.call_once(|| {
            let gate = Arc::clone(self);
            std::thread::spawn(move || gate.follow_stdin());
        });
        Ticket { gate: Arc::clone(self), used: 0 }
    }

    fn follow_stdin(&self) {
        for _ in std::io::stdin().lock().lines().map_while(Result::ok) {
            self.admit(|opened| opened + 1);
        }
        self.admit(|_| usize::MAX);
    }

    fn admit(&self, raise: impl FnOnce(usize) -> usize) {
        let mut opened = self.opened.lock().expect("no panic holds the gate");
        *opened = raise(*opened);
        self.changed.notify_all();
    }
}

impl Ticket {
    pub fn wait(&mut self) {
        self.used += 1;
        let opened = self.gate.opened.lock().expect("no panic holds the gate");
        let _passed = self.gate.changed.wait_while(opened, |opened| *opened < self.used);
    }
}

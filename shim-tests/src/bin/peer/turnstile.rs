//! The steps that wait for a word of the test. Each line of standard input lets every waiting
//! connection pass once. The end of the input lets all of them pass for ever.

use std::io::BufRead;
use std::sync::{Arc, Condvar, Mutex};

pub struct Turnstile {
    opened: Mutex<usize>,
    changed: Condvar,
}

/// The pass of one connection: how many lines it has used up.
pub struct Pass {
    turnstile: Arc<Turnstile>,
    used: usize,
}

impl Turnstile {
    pub fn open() -> Self {
        Self { opened: Mutex::new(0), changed: Condvar::new() }
    }

    /// A new pass. The first one starts the thread that reads standard input.
    pub fn pass(self: &Arc<Self>) -> Pass {
        static READER: std::sync::Once = std::sync::Once::new();
        READER.call_once(|| {
            let turnstile = Arc::clone(self);
            std::thread::spawn(move || turnstile.follow_stdin());
        });
        Pass { turnstile: Arc::clone(self), used: 0 }
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

impl Pass {
    pub fn wait(&mut self) {
        self.used += 1;
        let opened = self.turnstile.opened.lock().expect("no panic holds the gate");
        let _passed = self.turnstile.changed.wait_while(opened, |opened| *opened < self.used);
    }
}

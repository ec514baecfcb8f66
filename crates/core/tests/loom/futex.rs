//! `futex(2)`: the kernel compares the word and queues the sleeper under one lock,
//! which whoever wakes takes too. No timeout here: a sleeper that nobody wakes is
//! a deadlock, which loom reports.

use crate::sync::{AtomicU32, SeqCst};
use loom::sync::{Condvar, Mutex};

loom::lazy_static! {
    static ref QUEUE: (Mutex<()>, Condvar) = (Mutex::new(()), Condvar::new());
}

pub fn wait_micros(word: &AtomicU32, seen: u32, _micros: u64) {
    let guard = QUEUE.0.lock().unwrap();
    if word.load(SeqCst) == seen {
        drop(QUEUE.1.wait(guard).unwrap());
    }
}

pub fn wake_all(_word: &AtomicU32) {
    let _guard = QUEUE.0.lock().unwrap();
    QUEUE.1.notify_all();
}

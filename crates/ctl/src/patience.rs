//! A look at a process that comes to an end, whatever the process does.
//!
//! Whoever reads `maps`, `environ` or `cmdline` of a process, or opens a file through its `map_files`, waits for a lock of
//! its memory (`mmap_lock`). The process can keep that for as long as it likes: it maps a file of a file system that
//! does not answer, for which an ordinary user needs no more than FUSE. So a thread of its own looks, and is left behind
//! if it is not back in time. It comes back when the process lets go, and ends with softclosectl.

use std::collections::BTreeSet;
use std::sync::mpsc::{SendError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What is said of a process that keeps a look waiting.
pub const WAITING: &str = "it keeps whoever looks at its memory waiting";

type Look = Box<dyn FnOnce() + Send>;

/// The thread that looks, unless it was left behind.
static LOOKING: Mutex<Option<Sender<Look>>> = Mutex::new(None);
/// The processes from which a thread has not come back. No second one goes there.
static WAITING_FOR: Mutex<BTreeSet<u32>> = Mutex::new(BTreeSet::new());

/// What `look` has found at a process; `None` where the process keeps it waiting. A look must not have another one in it.
pub fn patiently<T: Send + 'static>(pid: u32, look: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    const PATIENCE: Duration = Duration::from_secs(1);
    /// A user can have thousands of such processes: for the later ones there is less time.
    const LEAST: u32 = 100;
    let waiting = start(pid)?;
    let (answer, answered) = channel();
    hand_over(Box::new(move || {
        let found = look();
        held(&WAITING_FOR).remove(&pid);
        let _ = answer.send(found);
    }));
    let found = answered.recv_timeout(PATIENCE / waiting.min(LEAST)).ok();
    if found.is_none() {
        *held(&LOOKING) = None;
    }
    found
}

/// Notes that a thread goes to a process, and answers how many are away. `None` where one is there already.
fn start(pid: u32) -> Option<u32> {
    let mut waiting = held(&WAITING_FOR);
    waiting.insert(pid).then(|| waiting.len().try_into().unwrap_or(u32::MAX))
}

/// Has the thread look, or looks here, where no thread can be started.
fn hand_over(look: Look) {
    let mut looking = held(&LOOKING);
    if let Err(SendError(look)) = looking.get_or_insert_with(new_thread).send(look) {
        look();
    }
}

fn new_thread() -> Sender<Look> {
    let (sender, looks) = channel::<Look>();
    let _ = thread::Builder::new().spawn(move || looks.iter().for_each(|look| look()));
    sender
}

fn held<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pids that no process has: others are looked at meanwhile.
    const PIDS: [u32; 2] = [u32::MAX, u32::MAX - 1];

    #[test]
    fn who_keeps_a_look_waiting_is_left_and_looked_at_again_when_it_has_let_go() {
        let (let_go, holds) = channel::<()>();
        let (came_back, back) = channel();
        assert_eq!(patiently(PIDS[0], move || came_back.send(holds.recv()).is_ok()), None);
        assert_eq!(patiently(PIDS[0], || true), None, "one thread waits for it, not one for each look");
        assert_eq!(patiently(PIDS[1], || 7), Some(7), "another is looked at");
        drop(let_go);
        back.recv().unwrap().unwrap_err();
        while patiently(PIDS[0], || true).is_none() {
            thread::yield_now();
        }
    }
}

//! The thread that looks at what the program's threads are at, and has a table of
//! descriptors of its own.
//!
//! Files of procfs have to be opened for that, on the lowest free numbers. In the program's
//! table another thread could see them, and count on the number in vain. So the looker
//! leaves that table as it begins: `close_range` with `CLOSE_RANGE_UNSHARE` over all
//! numbers gives it one in which nothing is open. (The kernel copies the first 64 numbers
//! and closes them again, `dup_fd`, `NR_OPEN_DEFAULT`: for some microseconds, once. Where a
//! close is more than that, there is no looker, and time decides.)
//!
//! It is started when the drainer wants to know, looks when it is asked, and leaves when it
//! has not been asked for a while, or with the drainer. Looks are rare: each is followed by
//! a rest of ten times what it took of the processor, whatever the number of threads is.
//!
//! Context: as the drainer's thread, but for the table.

use super::Drain;
use super::looks::{Looks, Sighting};
use crate::judge::calls::{self, Doing};
use crate::sys::bell::Bell;
use crate::sys::clock::{self, Millis};
use crate::sys::fd::{is_any_flushed, leave_table};
use crate::sys::process;
use crate::sys::procfs::{Dir, number};
use crate::sys::region::Region;
use crate::sys::thread::{self, Room, ThreadId};
use core::ffi::CStr;
use core::ops::ControlFlow::{Break, Continue};
use core::sync::atomic::{AtomicBool, Ordering::SeqCst};
use parking_lot::Mutex;
use rustix::process::Pid;

/// Shortest rest between two looks, milliseconds.
const REST_MS: u32 = 1;
/// The rest is so many times as long as the look.
const TIMES: u64 = 10;
/// Where nothing can be known, it is not asked for more often.
const BLIND_REST_MS: u32 = 1000;
/// How long the thread stays without being asked.
const STAY_MS: u32 = 1000;

/// What belongs to the looker.
pub struct Looker {
    looks: Region<Looks>,
    bell: Bell,
    thread: ThreadId,
    /// Only ever tried, and only by the drainer.
    room: Mutex<Room>,
    /// It cannot have a table of its own (before Linux 5.9, or a filter).
    is_impossible: AtomicBool,
}

impl Looker {
    /// No thread, no memory.
    pub const fn new() -> Self {
        Self {
            looks: Region::new(),
            bell: Bell::new(),
            thread: ThreadId::none(),
            room: Mutex::new(Room::new()),
            is_impossible: AtomicBool::new(false),
        }
    }

    /// What was seen; `None` where there is no memory for it.
    pub fn looks(&self) -> Option<&Looks> {
        self.looks.ensure(1).then(|| self.looks.get(0)).flatten()
    }

    /// Its thread, where there is one.
    pub fn thread(&self) -> Option<Pid> {
        self.thread.get()
    }

    /// Something has changed that it should know of.
    pub fn ring(&self) {
        self.bell.ring();
    }

    /// In a fork child: it did not come along.
    pub fn forget(&self) {
        self.thread.forget();
        self.bell.forget();
        self.is_impossible.store(false, SeqCst);
        self.looks.get(0).into_iter().for_each(Looks::forget);
        if self.room.is_locked() {
            // SAFETY: the thread that held it is not in this process, which has only
            // one; nobody can be inside.
            unsafe { self.room.force_unlock() };
        }
        if let Some(mut room) = self.room.try_lock() {
            room.forget();
        }
    }
}

impl Drain {
    /// Has the looker look, where it does not rest. By the drainer, again and again until
    /// the look is over: the looker may be leaving as it is asked. Where it `is_urgent` the
    /// shortest rest is cut short.
    pub(super) fn ask_for_a_look(&'static self, is_urgent: bool) {
        let Some(looks) = self.looker.looks() else { return };
        if !looks.is_out() {
            let rest = if is_urgent { REST_MS } else { 0 };
            if looks.rests_for(Millis::now()) > rest {
                return;
            }
            looks.ask();
            self.looker.ring();
        }
        if self.looker.thread().is_none() && !self.start_looker() {
            looks.answer_nothing(BLIND_REST_MS);
        }
    }

    fn start_looker(&'static self) -> bool {
        let may = !self.looker.is_impossible.load(SeqCst) && !self.dismissals.is_any();
        may && self
            .looker
            .room
            .try_lock()
            .is_some_and(|mut room| thread::spawn(&mut room, &self.looker.thread, run, self).is_ok())
    }
}

/// The body of the thread.
extern "C" fn run(drain: &'static Drain) {
    let looker = &drain.looker;
    let Some(looks) = looker.looks() else { return };
    // By this thread: a file system may not answer. The next one looks again.
    let is_harmful = is_any_flushed();
    if is_harmful || leave_table().is_err() {
        looker.is_impossible.store(!is_harmful, SeqCst);
        looks.answer_nothing(BLIND_REST_MS);
        return drain.bell.ring();
    }
    while turn(drain, looks) {}
}

/// False when it is to leave.
fn turn(drain: &Drain, looks: &Looks) -> bool {
    let looker = &drain.looker;
    let seen = looker.bell.count();
    if is_unwanted(drain) {
        return false;
    }
    if looks.is_out() {
        look(drain, looks);
        drain.bell.ring();
        return true;
    }
    looker.bell.sleep(seen, STAY_MS);
    looker.bell.count() != seen
}

fn is_unwanted(drain: &Drain) -> bool {
    drain.dismissals.is_any() || drain.gate.is_idle()
}

fn look(drain: &Drain, looks: &Looks) {
    let begun = clock::thread_time(None).unwrap_or(0);
    let mut sighting = looks.begin();
    if see_all(drain, &mut sighting).is_none() {
        sighting.unknown();
    }
    let took_ms = clock::thread_time(None).unwrap_or(0).saturating_sub(begun).saturating_mul(TIMES) / 1_000_000;
    let least = if sighting.is_blind() { BLIND_REST_MS } else { REST_MS };
    sighting.end(u32::try_from(took_ms).unwrap_or(u32::MAX / 4).max(least));
}

/// `None` where it could not be ended.
fn see_all(drain: &Drain, sighting: &mut Sighting<'_>) -> Option<()> {
    let me = process::thread()?;
    let mut is_here = false;
    let tasks = Dir::root().and_then(|root| root.below(c"self/task")).ok()?;
    let stopped: Option<()> = tasks
        .each(|name| {
            if is_unwanted(drain) {
                return Break(());
            }
            match number(name.to_bytes()).and_then(|raw| Pid::from_raw(raw as i32)) {
                Some(tid) if tid == me => is_here = true,
                Some(tid) if drain.runs_on(tid) => {}
                Some(tid) => see(&tasks, name, tid, sighting),
                None => sighting.unknown(),
            }
            Continue(())
        })
        .ok()?;
    // Else this is the procfs of another pid namespace, and the ids are not ours.
    (stopped.is_none() && is_here).then_some(())
}

fn see(tasks: &Dir, name: &CStr, tid: Pid, sighting: &mut Sighting<'_>) {
    match calls::of(tasks, name) {
        Doing::Blocked(deeds) => deeds.into_iter().flatten().for_each(|(deed, number)| sighting.blocked(deed, number)),
        Doing::Running => sighting.running(tid, clock::thread_time(Some(tid)).unwrap_or(0)),
        Doing::Gone => {}
        Doing::Unknown => sighting.unknown(),
    }
}

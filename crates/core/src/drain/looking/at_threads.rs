//! One look at all threads of the program, in `/proc/self/task`.
//!
//! Context: the looker's thread; see [`super`].

use crate::drain::Drain;
use crate::drain::looker::deeds::{Deeds, ThreadState};
use crate::drain::looker::sighting::Sighting;
use crate::drain::looker::thread_looks::ThreadLooks;
use crate::holders::calls::{self, Doing};
use crate::sys::clock;
use crate::sys::process;
use crate::sys::procfs::{Dir, number};
use core::ffi::CStr;
use core::ops::ControlFlow::{Break, Continue};
use rustix::process::Pid;

/// Makes the look that was asked for. Answers how much processor time it took, in microseconds.
pub fn look(drain: &Drain, looks: &ThreadLooks) -> u64 {
    let begun = clock::thread_time(None).unwrap_or(0);
    let mut sighting = Sighting::begin(looks);
    if see_all(drain, &mut sighting).is_none() {
        sighting.note_unknown();
    }
    sighting.end();
    clock::thread_time(None).unwrap_or(0).saturating_sub(begun) / 1000
}

/// `None` where not all threads could be looked at.
fn see_all(drain: &Drain, sighting: &mut Sighting<'_>) -> Option<()> {
    let me = process::thread()?;
    let mut is_here = false;
    let tasks = Dir::root().and_then(|root| root.below(c"self/task")).ok()?;
    let stopped: Option<()> = tasks
        .each(|name| {
            if is_needless(drain) {
                return Break(());
            }
            match number(name.to_bytes()).and_then(|raw| Pid::from_raw(raw as i32)) {
                Some(tid) if tid == me => is_here = true,
                Some(tid) if drain.runs_on(tid) => {}
                Some(tid) => see(&tasks, name, tid, sighting),
                None => sighting.note_unknown(),
            }
            Continue(())
        })
        .ok()?;
    // Without this thread in it, it is the procfs of another pid namespace, where other ids are used.
    (stopped.is_none() && is_here).then_some(())
}

/// Whether the drainer does not need the answer any more.
fn is_needless(drain: &Drain) -> bool {
    drain.demands.dismissals.is_any() || drain.drainer.gate.is_idle()
}

fn see(tasks: &Dir, name: &CStr, tid: Pid, sighting: &mut Sighting<'_>) {
    // Before its state: what it does afterwards, its clock tells in the next look.
    let time_ns = clock::thread_time(Some(tid));
    if time_ns.is_some_and(|time_ns| sighting.note_by_clock(tid, time_ns)) {
        return;
    }
    let time_ns = time_ns.unwrap_or(0);
    match calls::of(tasks, name) {
        Doing::Blocked(deeds) => sighting.note(tid, ThreadState::Asleep(Deeds::of(deeds)), time_ns),
        Doing::Asleep => sighting.note(tid, ThreadState::Asleep(Deeds::HIDDEN), time_ns),
        Doing::Running => sighting.note(tid, ThreadState::Running, time_ns),
        Doing::Gone => {}
        Doing::Unknown => sighting.note_unknown(),
    }
}

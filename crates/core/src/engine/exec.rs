//! Before `exec`: the connections that it will close are finished, together with what the drain
//! holds, within the exit bound.
//!
//! Other threads are stopped meanwhile, as at the end of a process, and go on if `exec` fails.
//!
//! Context: hooks of the `exec` family. No allocation; the list of sockets is mapped.

use super::Engine;
use super::leaving::TICK_MS;
use crate::bounds::End;
use crate::decision::Verdict;
use crate::engine::at_once;
use crate::engine::leaving;
use crate::engine::left_alone;
use crate::engine::sets;
use crate::engine::verdict;
use crate::holders::judge::SharedLookBudget;
use crate::holders::ledger::{Execution, Owner};
use crate::image::Attempt;
use crate::leftovers::Leftovers;
use crate::sys::clock::Millis;
use crate::sys::socket::is_connected;
use crate::sys::stop::{self, OtherThreads};
use crate::sys::{Fd, socket};

impl Engine {
    /// To be called before the program calls `exec`. Whether that will succeed is found out only where
    /// something depends on it: it takes a few system calls.
    #[inline(never)]
    pub fn before_exec(&'static self, owner: Owner<'_>, attempt: &Attempt<'_>) -> Option<Execution> {
        let execution = owner.before_exec(self.context.is_single_threaded(), || attempt.will_fail());
        finish_before_exec(self, owner, attempt);
        execution
    }
}

fn finish_before_exec(engine: &'static Engine, owner: Owner<'_>, attempt: &Attempt<'_>) {
    let will_succeed = || attempt.will_succeed();
    engine.context.counters.leave_for_another_program(will_succeed);
    let bound = engine.context.settings.exit_timeout_ms;
    let deadline = Millis::now().plus(bound);
    let open = count_leaving(engine, owner);
    let is_idle = open == 0 && engine.drain.held() == 0;
    let has_work =
        if is_idle { left_alone::observes(engine) && is_any_leaving(owner) } else { engine.rehearsal.is_allowed() };
    if bound == 0 || !has_work || !will_succeed() {
        return;
    }
    if is_idle {
        return observe_leaving(engine, owner);
    }
    let others = if open == 0 { OtherThreads::Running } else { finish_leaving(engine, owner, open, deadline) };
    engine.drain.finish(deadline);
    engine.drain.go_on();
    // Not before: what they use is half-closed by now.
    if others == OtherThreads::Stopped {
        stop::resume_soon();
    }
}

/// Answers what became of the other threads.
fn finish_leaving(engine: &'static Engine, owner: Owner<'_>, count: usize, deadline: Millis) -> OtherThreads {
    let others = stop::stop_others(|tid| engine.drain.runs_on(tid));
    if others != OtherThreads::Running {
        let mut left = half_close_leaving(engine, owner, count, deadline);
        left.drain_until(deadline, TICK_MS);
        left.end_all(End::Exit);
    }
    others
}

/// To find out whose each of them is takes time as well.
#[inline(never)]
fn half_close_leaving(engine: &'static Engine, owner: Owner<'_>, count: usize, deadline: Millis) -> Leftovers<'static> {
    let mut left = Leftovers::with_room(count, engine.context);
    let looks = SharedLookBudget::begin();
    each_leaving(owner, |fd| {
        if deadline.since(Millis::now()) != 0 {
            finish_one_leaving(engine, owner, fd, looks, &mut left);
        }
    });
    left
}

#[inline(never)]
fn observe_leaving(engine: &'static Engine, owner: Owner<'_>) {
    let mut none = Leftovers::with_room(0, engine.context);
    let looks = SharedLookBudget::begin();
    each_leaving(owner, |fd| finish_one_leaving(engine, owner, fd, looks, &mut none));
}

fn finish_one_leaving(
    engine: &'static Engine,
    owner: Owner<'_>,
    fd: Fd,
    looks: SharedLookBudget,
    left: &mut Leftovers<'_>,
) {
    let Ok(info) = socket::tcp_info(fd) else { return };
    let claim = looks.limit(owner.release(fd));
    let role = claim.entry.role;
    let (verdict, strategy) = verdict::of(engine, owner, fd, info, claim, false);
    match verdict {
        Verdict::Hold | Verdict::WaitUpTo(_) if sets::leave_shared(engine, owner, fd, &claim) => {
            leaving::take_in(engine, fd, role, strategy, left);
        }
        Verdict::Hold | Verdict::WaitUpTo(_) => {}
        Verdict::AtOnce => _ = at_once::begin_close(engine, fd, role, strategy),
        Verdict::Observe => _ = left_alone::observe(engine, fd, role),
        Verdict::LeaveAlone(_) | Verdict::Discard => {}
    }
}

#[inline(never)]
fn count_leaving(engine: &Engine, owner: Owner<'_>) -> usize {
    let mut count = 0;
    each_leaving(owner, |fd| count += usize::from(leaving::is_ours(engine, owner, fd)));
    count
}

/// Connections that `exec` closes, and that no other process may hold.
fn each_leaving(owner: Owner<'_>, mut visit: impl FnMut(Fd)) {
    owner.each(|fd| {
        if owner.is_only_ours(fd) && fd.is_close_on_exec() && is_connected(fd) {
            visit(fd);
        }
    });
}

fn is_any_leaving(owner: Owner<'_>) -> bool {
    let mut is_any = false;
    each_leaving(owner, |_| is_any = true);
    is_any
}

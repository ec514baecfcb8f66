//! Before another program image: what `exec` will close is finished, and what is
//! held, all at the same time, within the exit bound.
//!
//! Other threads are stopped meanwhile, as at exit, and go on if `exec` fails.
//!
//! Context: hooks of the `exec` family. No allocation; the list of sockets is mapped.

use super::Engine;
use super::exit::TICK_MS;
use crate::bounds::End;
use crate::decision::Verdict;
use crate::holders::judge::Looks;
use crate::holders::ledger::{Execution, Owner};
use crate::image::Attempt;
use crate::leftovers::Leftovers;
use crate::sys::clock::Millis;
use crate::sys::socket::is_connected;
use crate::sys::stop::{self, OtherThreads};
use crate::sys::{Fd, socket};

impl Engine {
    /// The attempt is judged only where something depends on it: that takes a few system
    /// calls.
    #[inline(never)]
    pub fn before_exec(&'static self, owner: Owner<'_>, attempt: &Attempt<'_>) -> Option<Execution> {
        let execution = owner.may_move(|| attempt.will_fail());
        self.finish_before_exec(owner, attempt);
        execution
    }

    fn finish_before_exec(&'static self, owner: Owner<'_>, attempt: &Attempt<'_>) {
        let will_succeed = || attempt.will_succeed();
        self.context.counters.leave_for_another_program(will_succeed);
        let bound = self.context.settings.exit_timeout_ms;
        let deadline = Millis::now().plus(bound);
        let open = self.count_leaving(owner);
        let is_idle = open == 0 && self.drain.held() == 0;
        let has_work = if is_idle { self.observes() && is_any_leaving(owner) } else { self.rehearsal.is_allowed() };
        if bound == 0 || !has_work || !will_succeed() {
            return;
        }
        if is_idle {
            return self.observe_leaving(owner);
        }
        let others = if open == 0 { OtherThreads::Running } else { self.finish_leaving(owner, open, deadline) };
        self.drain.finish(deadline);
        self.drain.go_on();
        // Not before: what they use is half-closed by now.
        if others == OtherThreads::Stopped {
            stop::resume_soon();
        }
    }

    /// Answers what became of the other threads.
    fn finish_leaving(&'static self, owner: Owner<'_>, count: usize, deadline: Millis) -> OtherThreads {
        let others = stop::stop_others(|tid| self.drain.runs_on(tid));
        if others != OtherThreads::Running {
            let mut left = self.half_close_leaving(owner, count, deadline);
            left.drain_until(deadline, TICK_MS);
            left.end_all(End::Exit);
        }
        others
    }

    /// To find out whose each of them is takes time as well.
    #[inline(never)]
    fn half_close_leaving(&'static self, owner: Owner<'_>, count: usize, deadline: Millis) -> Leftovers<'static> {
        let mut left = Leftovers::with_room(count, self.context);
        let looks = Looks::begin();
        each_leaving(owner, |fd| {
            if deadline.since(Millis::now()) != 0 {
                self.let_go(owner, fd, looks, &mut left);
            }
        });
        left
    }

    #[inline(never)]
    fn observe_leaving(&'static self, owner: Owner<'_>) {
        let mut none = Leftovers::with_room(0, self.context);
        let looks = Looks::begin();
        each_leaving(owner, |fd| self.let_go(owner, fd, looks, &mut none));
    }

    fn let_go(&'static self, owner: Owner<'_>, fd: Fd, looks: Looks, left: &mut Leftovers<'_>) {
        let Ok(info) = socket::tcp_info(fd) else { return };
        let claim = looks.limit(owner.release(fd));
        let role = claim.entry.role;
        let (verdict, strategy) = self.verdict(owner, fd, info, claim, false);
        match verdict {
            Verdict::Hold | Verdict::WaitUpTo(_) if self.leave_shared_sets(owner, fd, &claim) => {
                self.take_in(fd, role, strategy, left);
            }
            Verdict::Hold | Verdict::WaitUpTo(_) => {}
            Verdict::AtOnce => _ = self.begin_close(fd, role, strategy),
            Verdict::Observe => _ = self.observe(fd, role),
            Verdict::LeaveAlone(_) | Verdict::Discard => {}
        }
    }

    #[inline(never)]
    fn count_leaving(&self, owner: Owner<'_>) -> usize {
        let mut count = 0;
        each_leaving(owner, |fd| count += usize::from(self.is_ours(owner, fd)));
        count
    }
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

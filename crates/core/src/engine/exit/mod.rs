//! The end of the process.
//!
//! Where nothing is to be finished the process ends as natively. Else there are three cases:
//!
//! - *With other threads*, all connections that this process alone holds go to
//!   [`softclose-drain`](crate::finisher), which half-closes them when the process has gone.
//! - *With one thread*, they are half-closed. Peers on the same machine are done in an instant;
//!   what is left then goes to `softclose-drain`.
//! - *Where `softclose-drain` cannot be started*, other threads are stopped, everything but the
//!   connections is closed (listeners, pipes, locks and files are gone as natively), and the
//!   process waits, within the exit bound.
//!
//! In the first two cases the process ends as natively.
//!
//! | file | one idea |
//! |---|---|
//! | `inventory` | what connections there are |
//! | `connections` | what is done to each |
//! | `leave` | another program finishes them |
//! | `in_place` | the process waits for them itself |
//! | `work` | what is left to do, and `kept_numbers` that stay open meanwhile |
//!
//! Context: the thread that ends the process, in `exit`, or in `_exit` from any context. No
//! allocation; lists are mapped.

mod connections;
mod in_place;
pub mod inventory;
mod kept_numbers;
mod leave;
mod work;

use crate::engine::Engine;
use crate::holders::ledger::Owner;
use crate::leftovers::Leftovers;
use crate::settings::LogLevel;
use crate::sys::clock::Millis;
use crate::sys::stop::{self, OtherThreads};
use inventory::Inventory;
use kept_numbers::KeptNumbers;
use work::ExitWork;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// By `exit`, with this status if libc tells it: libc writes what stdio has buffered after our turn.
    WithStreams(Option<i32>),
    /// By `_exit` or `quick_exit`, with this status if libc tells it: libc writes nothing.
    AtOnce(Option<i32>),
}

impl Exit {
    /// What the parent gets of the status, as far as it is known.
    fn status(self) -> u8 {
        self.known_status().unwrap_or(0) as u8
    }

    fn known_status(self) -> Option<i32> {
        let (Self::WithStreams(status) | Self::AtOnce(status)) = self;
        status
    }

    fn has_streams(self) -> bool {
        matches!(self, Self::WithStreams(_))
    }

    /// Whether other threads may be stopped for good: softclose can end the process itself.
    fn may_stop_threads(self) -> bool {
        self.known_status().is_some()
    }
}

/// After so many milliseconds peers on the same machine are done.
const INSTANT_MS: u32 = 1;

impl Engine {
    /// Finishes what this process holds, and gives up its place in the family.
    ///
    /// Answers whether the process must end without another call of libc's, if its status is known: its numbers
    /// are closed, or its other threads were stopped.
    #[inline]
    pub fn at_exit(&'static self, owner: Owner<'_>, exit: Exit) -> bool {
        let bound = self.context.settings.exit_timeout_ms;
        let has_any = self.drain.held() != 0 || owner.knows_any();
        let is_over = bound != 0 && has_any && finish(self, owner, exit, bound);
        // Another process may hold a connection whose receive side the program has shut.
        self.drain.apply_due(true);
        self.ledger.retire();
        if self.context.log.is_talkative() {
            sum_up(self);
        }
        self.context.counters.retire();
        is_over
    }
}

#[inline(never)]
fn finish(engine: &'static Engine, owner: Owner<'_>, exit: Exit, bound: u32) -> bool {
    let inventory = inventory::take(engine, owner);
    if inventory.ours == 0 && inventory.held == 0 {
        connections::observe_open(engine, owner, &inventory, Millis::now().plus(bound));
        return false;
    }
    if owner.has_finisher()
        || !engine.rehearsal.is_allowed()
        || leave::leave_as_it_is(engine, owner, &inventory, exit.status(), bound)
    {
        return false;
    }
    let others = if exit.may_stop_threads() { stop_others(engine) } else { other_threads(engine) };
    if others == OtherThreads::Running || !has_written_streams(engine, exit, others == OtherThreads::None) {
        return false;
    }
    // A slow reader of our streams does not use up the bound.
    let deadline = Millis::now().plus(bound);
    let Inventory { open, ours, held, .. } = inventory;
    // One more for the log.
    let kept = KeptNumbers::with_room(open + held + 1 + KeptNumbers::MESSENGERS);
    let mut work = ExitWork { left: Leftovers::with_room(ours + held, engine.context), kept };
    engine.drain.surrender(|held| work.left.take_over(held));
    connections::half_close_open(engine, owner, &inventory, &mut work, deadline);
    work.left.drain_until(sooner(deadline, Millis::now().plus(INSTANT_MS)), INSTANT_MS);
    let is_done =
        work.left.is_empty() || leave::leave_to_finisher(engine, owner, &mut work.left, exit.status(), deadline);
    if is_done {
        return others == OtherThreads::Stopped;
    }
    in_place::wait_in_place(engine, owner, &mut work, deadline) || others == OtherThreads::Stopped
}

/// Writes out stdio's streams, which may hold the end of a response, before the half-close.
/// False where only a thread that has been stopped could take the text: then all threads go on,
/// and libc writes.
fn has_written_streams(engine: &Engine, exit: Exit, may_wait: bool) -> bool {
    let is_done = !exit.has_streams() || (engine.context.host.flush_streams)(may_wait);
    if !is_done {
        stop::resume_now();
    }
    is_done
}

/// Stops all other threads. Without procfs libc tells whether there are any.
fn stop_others(engine: &Engine) -> OtherThreads {
    match stop::stop_others(|tid| engine.drain.runs_on(tid)) {
        OtherThreads::Running if engine.context.is_single_threaded() => OtherThreads::None,
        others => others,
    }
}

/// Whether the program has other threads; they run on.
fn other_threads(engine: &Engine) -> OtherThreads {
    if is_alone(engine) { OtherThreads::None } else { OtherThreads::Running }
}

/// Whether the program has one thread. Without procfs libc tells it.
fn is_alone(engine: &Engine) -> bool {
    stop::is_alone(|tid| engine.drain.runs_on(tid)).unwrap_or_else(|| engine.context.is_single_threaded())
}

/// Logs all counters of the process.
#[inline(never)]
fn sum_up(engine: &Engine) {
    if !engine.context.counters.has_tcp() {
        return;
    }
    engine.context.report(LogLevel::Info, |line| {
        line.text(" exit");
        engine.context.counters.each(|name, value| {
            if value != 0 {
                line.field(name, value);
            }
        });
    });
}

fn sooner(one: Millis, other: Millis) -> Millis {
    if one.since(other) == 0 { one } else { other }
}

//! Requests that the program submits to a ring through `syscall()`.
//!
//! Context: the hook of `syscall`, before and after its call; lock-free.

use crate::holders::ledger::local::requests::{ADD, Change, DEL, MOD, between, change, is_at_most};
use crate::holders::ledger::local::ring_table::Ring;
use crate::holders::ledger::owner::Owner;
use crate::holders::ledger::watching::Joined;
use crate::sys::Fd;
use crate::sys::ring::{self, ENTER_REGISTERED};
use crate::sys::ring_memory::View;
use core::sync::atomic::Ordering::SeqCst;

/// Requests that were looked at, while the kernel takes them.
pub struct Submission<'a> {
    ring: &'a Ring,
    view: View<'a>,
    from: u32,
    end: u32,
    /// How many completions there were before the call.
    completed: u32,
}

const EEXIST: i32 = 17;

impl Submission<'_> {
    fn changes(&self, from: u32, end: u32) -> impl Iterator<Item = (u32, Change)> {
        between(from, end, &self.view).filter_map(|at| Some((at, change(self.view.request(at)?)?)))
    }

    /// The result of request number `at`, once every request that was ever submitted is completed.
    fn result(&self, at: u32, data: u64, taken: u32) -> Option<i32> {
        let completed = self.view.completed();
        if self.completed != self.from || completed != taken || !is_at_most(taken, self.end) {
            return None;
        }
        // As a rule the completions come in the order of the requests.
        let mut all = core::iter::once(at).chain(between(self.from, taken, &self.view));
        all.find_map(|at| Some(self.view.completion(at)).filter(|&(of, _)| of == data).map(|(_, result)| result))
    }
}

impl<'a> Owner<'a> {
    /// The program is about to submit `count` requests to ring `number`, with these flags.
    ///
    /// Each descriptor that is put into an epoll set is noted now: a call may have put it there before this
    /// system call returns.
    pub fn submitting(self, number: i32, count: u32, flags: u32) -> Option<Submission<'a>> {
        if self.rings().is_any_harmful.load(SeqCst) {
            return None;
        }
        if flags & ENTER_REGISTERED != 0 {
            self.has_harmful_ring();
            return None;
        }
        let fd = Fd::new(number)?;
        let submission = self.look(fd, count);
        match &submission {
            None if ring::is_one(fd) => self.has_harmful_ring(),
            None => {}
            Some(submission) => self.note_additions(submission),
        }
        submission
    }

    fn note_additions(self, submission: &Submission<'_>) {
        let changes = submission.changes(submission.from, submission.end);
        let additions = changes.filter(|(_, change)| change.operation == ADD);
        additions.for_each(|(_, Change { set, fd, .. })| self.joining(fd, set));
        submission.ring.seen.store(submission.end, SeqCst);
    }

    fn look(self, fd: Fd, count: u32) -> Option<Submission<'a>> {
        let ring = self.rings().find(fd)?;
        let view = ring.memory.view()?;
        let (from, written, completed) = (view.taken(), view.written(), view.completed());
        let end = from.wrapping_add(count.min(written.wrapping_sub(from)));
        self.rings().note_thread();
        ring.is_harmless(&view, end).then_some(Submission { ring, view, from, end, completed })
    }

    /// That call has returned. A request that the kernel has not taken counts as never made. One that it has
    /// begun and not ended counts as being under way for ever.
    pub fn submitted(self, submission: Submission<'_>) {
        let Submission { ring, view, from, end, .. } = &submission;
        let taken = view.taken();
        // What another thread has submitted meanwhile is noted by that thread.
        let ours = if is_at_most(taken, *end) { taken } else { *end };
        for (at, change) in submission.changes(*from, ours) {
            self.changes(change, submission.result(at, change.data, taken));
        }
        if is_at_most(taken, *end) {
            let _ = ring.seen.compare_exchange(*end, taken, SeqCst, SeqCst);
            let unmade = submission.changes(taken, *end).filter(|(_, change)| change.operation == ADD);
            unmade.for_each(|(_, change)| self.joined(change.fd, Joined::No));
        }
    }

    fn changes(self, Change { set, operation, fd, .. }: Change, result: Option<i32>) {
        match (operation, result) {
            (ADD, Some(0)) => self.joined(fd, Joined::Now),
            (ADD, Some(result)) if result == -EEXIST => self.joined(fd, Joined::Before),
            (ADD, Some(_)) => self.joined(fd, Joined::No),
            (DEL, Some(0)) => self.left(fd),
            (MOD, Some(0) | None) if self.0.is_not_known_to_be_watched(fd) => self.found_in(fd, set),
            _ => {}
        }
    }
}

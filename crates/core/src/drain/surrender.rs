//! What becomes of held sockets when the process ends.
//!
//! At `exit` the drainer leaves as it stands, and the thread that ends the process takes over what
//! is held. Before an `exec` the drainer goes on, and the thread waits for it.
//!
//! Context: the hooks that end a process; they wait, within bounds.

use super::Drain;
use super::table::flags::Flag;
use super::wake::wake;
use crate::bounds::End;
use crate::leftovers::held::Held;
use crate::sys::clock::Millis;

impl Drain {
    /// Has the drainer leave as it stands, and calls `take` for each held socket. A socket whose
    /// private number the program has closed is counted as lost.
    pub fn surrender(&self, mut take: impl FnMut(Held<'_>)) {
        if self.held_sockets() == 0 {
            return;
        }
        self.have_drainer_yield();
        for (place, held) in self.sockets.handed_over() {
            let Some(fd) = held.verified() else {
                self.report_end(place, held, None, End::Lost);
                continue;
            };
            let (role, strategy, is_open) = (held.role(), held.close_strategy().name(), held.has(Flag::BeginsLater));
            take(Held { fd, role, strategy, is_open, progress: held.progress(), note: self.sockets.note(place) });
        }
    }

    /// Waits until the drainer touches nothing any more, for 20 milliseconds at most. A drainer
    /// that gets no processor may go on later: every private number is verified before its use.
    fn have_drainer_yield(&self) {
        const PATIENCE_MS: u32 = 20;
        let end = &self.demands.process_end;
        let deadline = Millis::now().plus(PATIENCE_MS);
        end.ask_to_yield();
        while self.has_thread() && end.awaits_yield() && deadline.since(Millis::now()) != 0 {
            let seen = self.drainer.ended.count();
            wake(self);
            if end.awaits_yield() {
                self.drainer.ended.sleep(seen, 5);
            }
        }
    }

    /// Before an `exec`: waits until nothing is held, or until `deadline`.
    pub fn finish(&self, deadline: Millis) {
        self.demands.process_end.set_exiting(true);
        wake(self);
        loop {
            let seen = self.drainer.ended.count();
            let left = deadline.since(Millis::now());
            if self.held() == 0 || left == 0 || !self.has_thread() {
                return;
            }
            self.drainer.ended.sleep(seen, left.min(100));
        }
    }

    /// The process has not ended after all.
    pub fn go_on(&self) {
        self.demands.process_end.set_exiting(false);
    }
}

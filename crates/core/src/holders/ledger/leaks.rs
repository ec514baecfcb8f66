//! Connections that may have leaked into a process beside a fork, and that are known to be ours
//! alone once somebody has looked at all processes.
//!
//! A descriptor that one thread makes while another one forks may be in the child, which no
//! count says. That is marked ([`Marks::LEAKED`]), and the drain's looker looks for all that
//! are marked at once, ahead of their closes. Where it finds nobody the mark is taken away:
//! whoever gets the connection later is counted.
//!
//! What would make that wrong: a process that was being made as the look began, and could not be
//! seen yet; a mark that was made meanwhile; a program that got one of them and has handed it
//! on. Each is asked for.
//!
//! Context: [`Ledger::leaked`] and [`Ledger::unmark_leaked`] the looker.

use super::memory::descriptions::SlotId;
use super::memory::marks::{Marks, MarksSeen};
use super::owner::{Ledger, Owner};
use crate::sys::{Fd, socket};
use core::sync::atomic::Ordering::SeqCst;

/// So many are looked for at once.
pub const MOST: usize = 32;

/// One of them.
#[derive(Clone, Copy, Debug)]
pub struct Leak {
    slot: SlotId,
    seen: MarksSeen,
    /// Of the socket.
    pub inode: u64,
}

impl Ledger {
    /// Whether there may be any for which nobody has been sent to look yet; now somebody is.
    pub fn may_have_leaked(&self) -> bool {
        self.processes.may_have_leaked.load(SeqCst) && self.processes.may_have_leaked.swap(false, SeqCst)
    }

    /// Those that are marked now, as many as there is room for. `None` while a process is being
    /// made.
    pub fn leaked(&self) -> Option<[Option<Leak>; MOST]> {
        let mut leaks = [None; MOST];
        let mut places = leaks.iter_mut();
        self.table.each(|fd, slot| {
            if let Some(leak) = self.leak_of(fd, slot)
                && let Some(place) = places.next()
            {
                *place = Some(leak);
            }
        });
        // After the marks were read.
        let may_be_unseen = self.owner().is_none_or(Owner::is_any_copy_under_way);
        (!may_be_unseen).then_some(leaks)
    }

    fn leak_of(&self, fd: Fd, slot: SlotId) -> Option<Leak> {
        let seen = self.descriptions().marks_seen(slot)?;
        let is_marked = seen.marks().has(Marks::LEAKED);
        let inode = if is_marked { socket::inode(fd).ok()? } else { return None };
        (self.slot_now(fd) == Some(slot)).then_some(Leak { slot, seen, inode })
    }

    /// A look that began after [`Ledger::leaked`] has found that nobody else has it.
    pub fn not_leaked(&self, leak: Leak) {
        if !self.family().has_handed_on_uncounted() {
            self.descriptions().unmark_leaked(leak.slot, leak.seen);
        }
    }
}

//! After exec.

use super::ticket::Ticket;
use crate::holders::ledger::memory::descriptions::SlotId;
use crate::holders::ledger::memory::token::Token;
use crate::holders::ledger::owner::Ledger;
use crate::sys::socket::Role;
use crate::sys::{Fd, descriptors, process, socket};
use core::sync::atomic::Ordering::SeqCst;

impl Ledger {
    /// In the constructor of a program that was executed with this ticket: finds the memory
    /// again, and says there what this process has.
    pub fn rejoin(&self, ticket: Ticket) {
        let capacity = self.capacity.load(SeqCst) as usize;
        if let Some((memory, token)) = ticket.find()
            && self.table.ensure(capacity)
            && self.sets.ensure(capacity)
            && self.memory.become_that(memory)
        {
            self.identity.namespace.store(ticket.namespace, SeqCst);
            self.identity.token.store(token.raw(), SeqCst);
            self.options.store(true, SeqCst);
            // Who has made the process may not have come to it yet.
            process::pid().into_iter().for_each(|pid| self.family().set_pid(token, pid, self.here()));
            self.take_stock(token);
        }
    }

    /// What this process has is counted for it, and nothing else.
    fn take_stock(&self, me: Token) {
        let mut latest = None;
        let is_all = descriptors::each(|fd| latest = self.find_again(fd, me, latest).or(latest));
        if !is_all {
            // More than is known: nobody takes himself for the last.
            return;
        }
        self.each_slot_of(me, |id| {
            let mut count = 0;
            self.table.each(|_, slot| count += u32::from(slot == id));
            self.descriptions().with(id, |slot| slot.end_transit(me, count));
        });
        self.family().set_followed(me);
    }

    /// What was not counted for this process came to it in another way, and nobody counts it; nor
    /// can anybody here count what has a higher number than the table has.
    fn find_again(&self, fd: Fd, me: Token, latest: Option<SlotId>) -> Option<SlotId> {
        if !socket::may_connect(fd) {
            self.channels().end_transit(fd);
            return None;
        }
        let slot = self.descriptions().find_behind(latest, socket::cookie(fd)?, self.family().reach());
        match slot {
            Some(slot) if self.table.has_room(fd) && self.descriptions().holders(slot).any(|holder| holder == me) => {
                self.table.set(fd, slot, Role::Accepted);
            }
            Some(_) => self.hand_on(fd),
            None => {}
        }
        slot
    }
}

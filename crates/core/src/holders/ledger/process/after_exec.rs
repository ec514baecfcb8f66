//! The constructor of an executed program: it joins the lineage of the program that executed it.
//!
//! It finds the family memory by the [`Ticket`] in its environment, says there what it has, and is
//! followed from then on.
//!
//! Context: the constructor.

use super::ticket::{Found, Ticket};
use crate::holders::ledger::memory::descriptions::SlotId;
use crate::holders::ledger::memory::family_memory::FamilyMemory;
use crate::holders::ledger::memory::token::Token;
use crate::holders::ledger::owner::Ledger;
use crate::sys::socket::Role;
use crate::sys::{Fd, descriptors, process, socket};
use core::sync::atomic::Ordering::SeqCst;

impl Ledger {
    /// Counts the connections that this program was executed with. `ticket` is the one of its
    /// environment; `may_attach` is whether the memory that it names may be used.
    #[inline]
    pub fn begin_program(&self, ticket: Option<Ticket>, may_attach: bool) {
        match ticket {
            Some(ticket) if self.may_miss(ticket, may_attach) => self.adopt_hidden(),
            _ => self.adopt_inherited(),
        }
    }

    /// Joins the lineage, if the ticket is for this process. Answers whether a look would not find all holders of
    /// what this program got: the counts are lost, and knew of hidden ones, or of a process that has ended since.
    #[inline(never)]
    fn may_miss(&self, ticket: Ticket, may_attach: bool) -> bool {
        if !may_attach {
            return ticket.hides;
        }
        match ticket.find() {
            Found::Memory(memory, token) => !self.rejoin(ticket, memory, token) && ticket.hides,
            Found::Gone => ticket.hides || ticket.is_shared && ticket.id != Ticket::NO_SEGMENT,
            Found::NotOurs => false,
        }
    }

    /// Says in the memory of the lineage which connections this process has.
    fn rejoin(&self, ticket: Ticket, memory: FamilyMemory, token: Token) -> bool {
        let has_joined = self.ensure_tables() && self.memory.take_over(memory);
        if has_joined {
            self.identity.namespace.store(ticket.namespace, SeqCst);
            self.identity.token.store(token.raw(), SeqCst);
            self.options.store(true, SeqCst);
            // The process that made this one may not have stored its pid yet.
            process::pid().into_iter().for_each(|pid| self.family().set_pid(token, pid, self.here()));
            self.take_stock(token);
        }
        has_joined
    }

    /// Counts the connections that this process has, and no others, for it.
    fn take_stock(&self, me: Token) {
        let mut latest = None;
        let is_all = descriptors::each(|fd| latest = self.find_again(fd, me, latest).or(latest));
        if !is_all {
            // Some numbers were not listed: what was counted in transit stays so, and no process takes
            // itself for the last holder.
            return;
        }
        self.each_slot_of(me, |id| {
            let mut count = 0;
            self.table.each(|_, slot| count += u32::from(slot == id));
            self.descriptions().with(id, |slot| slot.end_transit(me, count));
        });
        self.family().set_followed(me);
    }

    /// Notes `fd` if it is a connection that was counted for this process. A connection that was not came
    /// in another way. A number beyond the table cannot be counted: its connection is marked.
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

//! A program and the programs that it executes: one lineage, with one memory.
//!
//! What another program gets is counted for it before it runs, under the name that its
//! process has in the family or gets for that ([`Execution`]). A [`Ticket`] tells it where
//! the memory is, and what its name is: it is handed on in one variable of the environment,
//! which the constructor takes out again ([`Ledger::claim`]). Until the program has said what
//! it has, its cells are marked as abroad ([`super::cells`]): whoever closes meanwhile is not
//! the last. A program that never says so, as the shim is not in it, stays abroad.
//!
//! Nobody but the user who has made the memory attaches it (`sys/segment.rs`), and a process
//! that has lost its user leaves it for one that no program finds ([`super::detach`]).
//!
//! Context: [`Execution`] hooks of any kind, also in `vfork` children: all stores are to
//! shared memory. [`Ledger::claim`] the constructor.

use super::descriptions::SlotId;
use super::family::{Family, Namespace, Token};
use super::family_memory::FamilyMemory;
use super::{Child, Ledger, Owner, Return};
use crate::sys::socket::Role;
use crate::sys::{Fd, clock, descriptors, process, socket};
use core::sync::atomic::Ordering::SeqCst;
use rustix::process::Pid;

/// Changes with every change of what lies in the memory: another version of this library
/// finds nothing there.
const LAYOUT: u64 = 0x736f_6674_0000_0002;

/// What a program needs to find the memory again, and itself in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    id: u64,
    len: u64,
    founded: u64,
    token: u64,
    namespace: u64,
    /// Who has made a process for it; 0 where it is the process that has executed it.
    maker: u64,
}

impl Ticket {
    /// Of the variable.
    pub const NAME: &[u8] = b"SOFTCLOSE_LINEAGE=";
    const FIELDS: usize = 6;
    const DIGITS: usize = 16;
    /// Of the text, with its end.
    pub const LEN: usize = Self::NAME.len() + Self::FIELDS * Self::DIGITS + 1;

    /// As it stands in the environment, with its end.
    pub fn text(self) -> [u8; Self::LEN] {
        let mut text = [0; Self::LEN];
        let digits =
            self.fields().into_iter().flat_map(|field| (0..Self::DIGITS).rev().map(move |at| digit(field, at)));
        let bytes = Self::NAME.iter().copied().chain(digits);
        text.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        text
    }

    /// From what follows the name.
    pub fn read(value: &[u8]) -> Option<Self> {
        let mut fields = value.chunks(Self::DIGITS).map(field);
        let mut next = || fields.next().flatten();
        let ticket =
            Self { id: next()?, len: next()?, founded: next()?, token: next()?, namespace: next()?, maker: next()? };
        (value.len() == Self::FIELDS * Self::DIGITS).then_some(ticket)
    }

    fn fields(self) -> [u64; Self::FIELDS] {
        [self.id, self.len, self.founded, self.token, self.namespace, self.maker]
    }
}

fn digit(field: u64, at: usize) -> u8 {
    b"0123456789abcdef".get((field >> (4 * at)) as usize & 15).copied().unwrap_or(0)
}

fn field(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

/// Whose program is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The calling process itself.
    Here,
    /// That of a child which the calling process makes for it.
    Child,
}

/// A program that is about to be executed, for which is counted what it gets.
#[derive(Clone, Copy, Debug)]
#[must_use = "it fails, or it runs"]
pub struct Execution {
    holder: Token,
    /// The name was given for it.
    is_new: bool,
    /// It gets a connection, or may get one by a message.
    gets_any: bool,
    /// `None` where it cannot find the memory.
    pub ticket: Option<Ticket>,
}

impl Ledger {
    /// Another program is about to be executed with what is open and not close-on-exec.
    /// `None` where nothing is shared, and where all that it gets is marked instead.
    #[inline(never)]
    pub fn begin_execution(&self, place: Place) -> Option<Execution> {
        let me = self.me()?;
        let is_owner = self.owner().is_some();
        let is_new = place == Place::Child || !is_owner;
        let Some(holder) = (if is_new { self.enlist_program(place) } else { Some(me) }) else {
            self.hand_kept();
            return None;
        };
        if !is_new {
            // What another thread makes from here on is asked for there.
            self.forks.enter(Child::Executes, Return::Seen);
            self.executing.fetch_add(1, SeqCst);
        }
        let gets_any = if is_new {
            self.each_kept(|slot| self.descriptions().with(slot, |slot| slot.hold_abroad(holder)))
        } else {
            self.family().may_move(me);
            self.each_kept(|slot| self.descriptions().with(slot, |slot| slot.go_abroad(me)))
        };
        // What is closed by `exec` it is to say as well.
        let is_concerned = gets_any || is_new || self.table.find(0, |_, _| true).is_some();
        let ticket = if is_concerned { self.ticket(holder, place) } else { None };
        let execution = Execution { holder, is_new, gets_any, ticket };
        if place == Place::Here { self.needed(execution) } else { Some(execution) }
    }

    /// A new name is needed only where the program gets anything.
    pub fn needed(&self, execution: Execution) -> Option<Execution> {
        let is_needed = execution.gets_any || !execution.is_new;
        if !is_needed {
            self.family().strike(execution.holder);
        }
        is_needed.then_some(execution)
    }

    fn enlist_program(&self, place: Place) -> Option<Token> {
        // A child that no hook has seen, which has another pid than its parent knows.
        if self.owner().is_none() && process::is_parent_outside() {
            return None;
        }
        let holder = self.family().enlist(self.here(), clock::seconds_since_boot())?;
        // Also where nobody ever learns its pid.
        self.family().is_born(holder);
        self.family().may_move(holder);
        if place == Place::Here {
            self.family().name(holder, process::pid()?, self.here());
        }
        Some(holder)
    }

    fn ticket(&self, holder: Token, place: Place) -> Option<Ticket> {
        let maker = if place == Place::Child { process::pid()?.as_raw_nonzero().get() as u64 } else { 0 };
        Some(Ticket {
            id: u64::try_from(self.memory.id()?).ok()?,
            len: self.memory.len() as u64,
            founded: self.family().founded() ^ LAYOUT,
            token: holder.raw().into(),
            namespace: self.here().0,
            maker,
        })
    }

    /// The program gets `fd` too, whatever that is.
    pub fn give(&self, execution: &mut Execution, fd: Fd) {
        match if socket::may_connect(fd) { self.slot_now(fd) } else { None } {
            Some(slot) => {
                execution.gets_any = true;
                self.descriptions().with(slot, |slot| slot.hold_abroad(execution.holder));
            }
            None => self.hand(fd),
        }
    }

    /// It does not run.
    pub fn execution_failed(&self, execution: Execution) {
        let Execution { holder, is_new, .. } = execution;
        if is_new {
            self.each_slot_of(holder, |slot| self.descriptions().with(slot, |slot| slot.come_home(holder, 0)));
            self.family().strike(holder);
        } else if self.leave_execution(execution) {
            self.each_slot_of(holder, |slot| self.descriptions().with(slot, |slot| slot.stay(holder)));
            self.family().stays(holder);
        }
    }

    /// Nobody waits for it any more. Answers whether it is that of this process, and no other
    /// thread's attempt may succeed.
    pub fn leave_execution(&self, execution: Execution) -> bool {
        if execution.is_new {
            return false;
        }
        self.forks.leave(Child::Executes);
        self.executing.fetch_sub(1, SeqCst) == 1
    }

    /// The process that was made for it has this pid.
    pub fn execution_runs(&self, execution: Execution, pid: Pid) {
        self.family().name(execution.holder, pid, self.here());
    }

    fn each_slot_of(&self, holder: Token, mut visit: impl FnMut(SlotId)) {
        let all = self.descriptions();
        let slots = (1..=self.family().reach() as u32).filter_map(SlotId::new);
        slots.filter(|&slot| all.holders(slot).any(|other| other == holder)).for_each(&mut visit);
    }

    /// In the constructor of a program that was executed with this ticket: finds the memory
    /// again, and says there what this process has.
    pub fn claim(&self, ticket: Ticket) {
        let capacity = self.capacity.load(SeqCst) as usize;
        if let Some((memory, token)) = ticket.find()
            && self.table.ensure(capacity)
            && self.sets.ensure(capacity)
            && self.memory.take_over(memory)
        {
            self.namespace.store(ticket.namespace, SeqCst);
            self.me.store(token.raw(), SeqCst);
            self.options.store(true, SeqCst);
            // Who has made the process may not have come to it yet.
            process::pid().into_iter().for_each(|pid| self.family().name(token, pid, self.here()));
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
            self.descriptions().with(id, |slot| slot.come_home(me, count));
        });
        self.family().stays(me);
    }

    /// What was not counted for this process came to it in another way, and nobody counts it; nor
    /// can anybody here count what has a higher number than the table has.
    fn find_again(&self, fd: Fd, me: Token, latest: Option<SlotId>) -> Option<SlotId> {
        if !socket::may_connect(fd) {
            self.channels().come_home(fd);
            return None;
        }
        let slot = self.descriptions().find_behind(latest, socket::cookie(fd)?, self.family().reach());
        match slot {
            Some(slot) if self.table.has_room(fd) && self.descriptions().holders(slot).any(|holder| holder == me) => {
                self.table.set(fd, slot, Role::Accepted);
            }
            Some(_) => self.hand(fd),
            None => {}
        }
        slot
    }
}

impl Ticket {
    /// The memory, and the name of this process in it.
    fn find(self) -> Option<(FamilyMemory, Token)> {
        let memory = FamilyMemory::find(i32::try_from(self.id).ok()?, usize::try_from(self.len).ok()?)?;
        let family = Family::of(&memory);
        let token = Token::new(u32::try_from(self.token).ok()?)?;
        let is_it = family.founded() ^ LAYOUT == self.founded && self.is_for(family, token)?;
        is_it.then_some((memory, token))
    }

    /// Whether this process is the one that was meant: another one inherits the variable where
    /// the shim is not in the program that it was for.
    fn is_for(self, family: Family<'_>, token: Token) -> Option<bool> {
        let here = Namespace(self.namespace);
        let is_child = || process::parent().is_some_and(|parent| parent.as_raw_nonzero().get() as u64 == self.maker);
        Some((self.maker == 0 || is_child()) && family.is_named(token, process::pid()?, here, self.maker != 0))
    }
}

impl Owner<'_> {
    /// As [`Ledger::begin_execution`], in the place of this process, unless the call `will_fail`.
    pub fn may_move(self, will_fail: impl Fn() -> bool) -> Option<Execution> {
        self.0.limit.keep();
        if self.shares() && !will_fail() { self.0.begin_execution(Place::Here) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_as_it_was_written() {
        let ticket = Ticket { id: 7, len: u64::MAX, founded: 1 << 63, token: 3, namespace: 0, maker: 4711 };
        let text = ticket.text();
        let value = text.strip_prefix(Ticket::NAME).and_then(|rest| rest.strip_suffix(&[0])).unwrap();
        assert_eq!(Ticket::read(value), Some(ticket));
        for end in 0..value.len() {
            assert_eq!(Ticket::read(&value[..end]), None);
        }
        assert_eq!(Ticket::read(&[b'x'; Ticket::FIELDS * Ticket::DIGITS]), None);
    }
}

//! The variable that tells an executed program where the family memory is.
//!
//! Another program may inherit the variable through one without the shim. So the ticket names the
//! process that it is for, and [`Ticket::find`] compares.
//!
//! The memory may be gone when the program looks for it: the last process that had it has ended, or
//! was the one that executes. Or the program may not attach it. So the ticket also says what the
//! memory knows and a look at procfs does not find ([`Ticket::hides`], [`Ticket::is_shared`]).
//!
//! Context: hooks of any kind, and the constructor. No allocation.

use crate::holders::ledger::memory::family::Family;
use crate::holders::ledger::memory::family_memory::FamilyMemory;
use crate::holders::ledger::memory::records::Namespace;
use crate::holders::ledger::memory::token::Token;
use crate::settings::knobs::LINEAGE;
use crate::sys::process;
use rustix::process::Pid;

/// Changes with every change of what lies in the memory: another version of this library must find
/// nothing there.
pub const LAYOUT: u64 = 0x736f_6674_0000_0003;

/// What a program needs to find the memory again, and its own token in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The id of the System V segment; [`Ticket::NO_SEGMENT`] where no program can find the memory.
    pub id: u64,
    /// How many slots the memory has.
    pub len: u64,
    /// When the family was founded, mixed with [`LAYOUT`].
    pub founded: u64,
    /// The raw [`Token`] of the process.
    pub token: u64,
    /// The number of its pid namespace in the family.
    pub namespace: u64,
    /// The pid of the process that wrote the ticket.
    pub writer: u64,
    /// That process makes another one for the program.
    pub is_for_child: bool,
    /// A connection that the program gets may have holders that no look at procfs finds: a message, say.
    pub hides: bool,
    /// Another process has a connection that the program gets. If it has ended before the program finds
    /// the memory, it may have sent the connection in a message.
    pub is_shared: bool,
}

impl Ticket {
    /// The name of the variable, with the equals sign.
    pub const NAME: &[u8] = LINEAGE;
    /// The id of memory that is no segment.
    pub const NO_SEGMENT: u64 = u64::MAX;
    const FIELDS: usize = 7;
    /// The bits of the last field.
    const FOR_CHILD: u64 = 1;
    const HIDES: u64 = 2;
    const SHARED: u64 = 4;
    const DIGITS: usize = 16;
    /// The length of the text, with the zero at its end.
    pub const LEN: usize = Self::NAME.len() + Self::FIELDS * Self::DIGITS + 1;

    /// The text as it stands in the environment, with a zero at its end.
    pub fn text(self) -> [u8; Self::LEN] {
        let mut text = [0; Self::LEN];
        let digits =
            self.fields().into_iter().flat_map(|field| (0..Self::DIGITS).rev().map(move |at| digit(field, at)));
        let bytes = Self::NAME.iter().copied().chain(digits);
        text.iter_mut().zip(bytes).for_each(|(place, byte)| *place = byte);
        text
    }

    /// Reads what follows the name; `None` for anything that [`Ticket::text`] does not write.
    pub fn read(value: &[u8]) -> Option<Self> {
        let mut fields = value.chunks(Self::DIGITS).map(field);
        let mut next = || fields.next().flatten();
        let [id, len, founded, token, namespace, writer, traits] =
            [next()?, next()?, next()?, next()?, next()?, next()?, next()?];
        let has = |bit| traits & bit != 0;
        let [is_for_child, hides, is_shared] = [Self::FOR_CHILD, Self::HIDES, Self::SHARED].map(has);
        let ticket = Self { id, len, founded, token, namespace, writer, is_for_child, hides, is_shared };
        (value.len() == Self::FIELDS * Self::DIGITS).then_some(ticket)
    }

    fn fields(self) -> [u64; Self::FIELDS] {
        let bit = |is_set, bit| if is_set { bit } else { 0 };
        let traits =
            bit(self.is_for_child, Self::FOR_CHILD) | bit(self.hides, Self::HIDES) | bit(self.is_shared, Self::SHARED);
        [self.id, self.len, self.founded, self.token, self.namespace, self.writer, traits]
    }
}

/// What a ticket has led to.
pub enum Found {
    /// The memory, and the token of this process in it.
    Memory(FamilyMemory, Token),
    /// There is no such memory any more, or nobody can tell whether it is this process' own.
    Gone,
    /// The ticket is not for this process.
    NotOurs,
}

impl Ticket {
    /// Finds the memory, unless the ticket was inherited through another program. Who has made a process that is
    /// an orphan by now cannot be told.
    pub fn find(self) -> Found {
        let is_writer = |pid| is_process(pid, self.writer);
        match self.attach().zip(self.token()) {
            Some((memory, token)) if self.is_for(Family::of(&memory), token) => Found::Memory(memory, token),
            Some(_) if self.is_for_child && !is_writer(process::parent()) => Found::Gone,
            None if self.is_for_child || is_writer(process::pid()) => Found::Gone,
            _ => Found::NotOurs,
        }
    }

    fn token(self) -> Option<Token> {
        Token::new(u32::try_from(self.token).ok()?)
    }

    fn attach(self) -> Option<FamilyMemory> {
        let memory = FamilyMemory::find(i32::try_from(self.id).ok()?, usize::try_from(self.len).ok()?)?;
        (Family::of(&memory).founded() ^ LAYOUT == self.founded).then_some(memory)
    }

    /// Whether the ticket is for this process, by its pid; or by its parent's, if the token has none yet.
    fn is_for(self, family: Family<'_>, token: Token) -> bool {
        let here = Namespace(self.namespace);
        let is_by_parent = self.is_for_child && is_process(process::parent(), self.writer);
        let is_own = self.is_for_child || is_process(process::pid(), self.writer);
        is_own && process::pid().is_some_and(|pid| family.has_pid(token, pid, here, is_by_parent))
    }
}

fn is_process(pid: Option<Pid>, number: u64) -> bool {
    pid.is_some_and(|pid| pid.as_raw_nonzero().get() as u64 == number)
}

fn digit(field: u64, at: usize) -> u8 {
    b"0123456789abcdef".get((field >> (4 * at)) as usize & 15).copied().unwrap_or(0)
}

fn field(digits: &[u8]) -> Option<u64> {
    u64::from_str_radix(core::str::from_utf8(digits).ok()?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_read_as_it_was_written() {
        let ticket = Ticket {
            id: 7,
            len: u64::MAX,
            founded: 1 << 63,
            token: 3,
            namespace: 0,
            writer: 4711,
            is_for_child: false,
            hides: true,
            is_shared: false,
        };
        assert_eq!(Ticket::read(&ticket.text()[Ticket::NAME.len()..Ticket::LEN - 1]), Some(ticket));
        let ticket = Ticket { is_for_child: true, hides: false, is_shared: true, ..ticket };
        let text = ticket.text();
        let value = text.strip_prefix(Ticket::NAME).and_then(|rest| rest.strip_suffix(&[0])).unwrap();
        assert_eq!(Ticket::read(value), Some(ticket));
        for end in 0..value.len() {
            assert_eq!(Ticket::read(&value[..end]), None);
        }
        assert_eq!(Ticket::read(&[b'x'; Ticket::FIELDS * Ticket::DIGITS]), None);
    }
}

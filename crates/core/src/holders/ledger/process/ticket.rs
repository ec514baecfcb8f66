//! The variable that tells an executed program where the family memory is.
//!
//! Another program may inherit the variable through one without the shim. So the ticket names the
//! process that it is for, and [`Ticket::find`] compares.
//!
//! Context: hooks of any kind, and the constructor. No allocation.

use crate::holders::ledger::memory::family::Family;
use crate::holders::ledger::memory::family_memory::FamilyMemory;
use crate::holders::ledger::memory::records::Namespace;
use crate::holders::ledger::memory::token::Token;
use crate::sys::process;

/// Changes with every change of what lies in the memory: another version of this library must find
/// nothing there.
pub const LAYOUT: u64 = 0x736f_6674_0000_0002;

/// What a program needs to find the memory again, and its own token in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// The id of the System V segment.
    pub id: u64,
    /// How many slots the memory has.
    pub len: u64,
    /// When the family was founded, mixed with [`LAYOUT`].
    pub founded: u64,
    /// The raw [`Token`] of the process.
    pub token: u64,
    /// The number of its pid namespace in the family.
    pub namespace: u64,
    /// The pid of the process that made another one for the program; 0 where the process that got the
    /// ticket itself executed the program.
    pub parent: u64,
}

impl Ticket {
    /// The name of the variable, with the equals sign.
    pub const NAME: &[u8] = b"SOFTCLOSE_LINEAGE=";
    const FIELDS: usize = 6;
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
        let ticket =
            Self { id: next()?, len: next()?, founded: next()?, token: next()?, namespace: next()?, parent: next()? };
        (value.len() == Self::FIELDS * Self::DIGITS).then_some(ticket)
    }

    fn fields(self) -> [u64; Self::FIELDS] {
        [self.id, self.len, self.founded, self.token, self.namespace, self.parent]
    }
}

impl Ticket {
    /// The memory, and the token of this process in it; `None` where the ticket is not for this process.
    pub fn find(self) -> Option<(FamilyMemory, Token)> {
        let memory = FamilyMemory::find(i32::try_from(self.id).ok()?, usize::try_from(self.len).ok()?)?;
        let family = Family::of(&memory);
        let token = Token::new(u32::try_from(self.token).ok()?)?;
        let is_it = family.founded() ^ LAYOUT == self.founded && self.is_for(family, token)?;
        is_it.then_some((memory, token))
    }

    /// Whether the ticket is for this process, by its pid, or by its parent's if it has none yet.
    fn is_for(self, family: Family<'_>, token: Token) -> Option<bool> {
        let here = Namespace(self.namespace);
        let is_child = || process::parent().is_some_and(|parent| parent.as_raw_nonzero().get() as u64 == self.parent);
        Some((self.parent == 0 || is_child()) && family.has_pid(token, process::pid()?, here, self.parent != 0))
    }
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
        let ticket = Ticket { id: 7, len: u64::MAX, founded: 1 << 63, token: 3, namespace: 0, parent: 4711 };
        let text = ticket.text();
        let value = text.strip_prefix(Ticket::NAME).and_then(|rest| rest.strip_suffix(&[0])).unwrap();
        assert_eq!(Ticket::read(value), Some(ticket));
        for end in 0..value.len() {
            assert_eq!(Ticket::read(&value[..end]), None);
        }
        assert_eq!(Ticket::read(&[b'x'; Ticket::FIELDS * Ticket::DIGITS]), None);
    }
}

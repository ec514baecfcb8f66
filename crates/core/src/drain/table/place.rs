//! The index of a held socket in the table, and the links that lead from place to place.

/// The most places that a table can have: links of 16 bits lead to all of them, and link 0
/// leads nowhere.
pub const MOST: u32 = u16::MAX as u32;

/// The index of a held socket in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

impl Place {
    /// The place with this index.
    pub fn new(index: u32) -> Self {
        Self(index)
    }

    /// The index of this place.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// The link that leads here: the index and 1, so that 0 can mean "no place".
    pub fn link(self) -> u32 {
        self.0 + 1
    }

    /// The place that a link leads to; `None` for link 0.
    pub fn from_link(link: u32) -> Option<Self> {
        link.checked_sub(1).map(Self)
    }

    /// The link that leads here, in 16 bits.
    pub fn short_link(self) -> u16 {
        self.link() as u16
    }

    /// The place that a link of 16 bits leads to; `None` for link 0.
    pub fn from_short_link(link: u16) -> Option<Self> {
        Self::from_link(u32::from(link))
    }
}

//! A place in the table of held sockets, and the links between places.

/// How many there can be: links of 16 bits lead to all of them, and 0 to none.
pub const MOST: u32 = u16::MAX as u32;

/// A place in the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

impl Place {
    /// The place with this index.
    pub fn new(index: u32) -> Self {
        Self(index)
    }

    /// As an index.
    pub fn index(self) -> usize {
        self.0 as usize
    }

    /// As stored in links.
    pub fn link(self) -> u32 {
        self.0 + 1
    }

    /// The place that a link leads to; 0 leads nowhere.
    pub fn from_link(link: u32) -> Option<Self> {
        link.checked_sub(1).map(Self)
    }

    /// As stored in links of 16 bits.
    pub fn short_link(self) -> u16 {
        self.link() as u16
    }

    /// The place that such a link leads to.
    pub fn from_short_link(link: u16) -> Option<Self> {
        Self::from_link(u32::from(link))
    }
}

//! A place in the table of held sockets, and the links between places.

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
}

//! The token of a process: its name in shared memory.

/// Identifies one process of the family; never 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(u32);

impl Token {
    /// From a stored number; `None` for 0.
    pub fn new(raw: u32) -> Option<Self> {
        (raw != 0).then_some(Self(raw))
    }

    /// The number to store.
    pub fn raw(self) -> u32 {
        self.0
    }
}

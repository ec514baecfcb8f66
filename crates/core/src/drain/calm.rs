//! Nothing was held between two moments: before a fork, and in its child.
//!
//! Context: plain values.

/// How often something had been claimed when nothing was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Calm(u32);

impl Calm {
    /// Nothing is held after so many claims.
    pub fn after(claims: u32) -> Self {
        Self(claims)
    }

    /// From a stored number; `None` for 0.
    pub fn new(raw: u64) -> Option<Self> {
        Some(Self(raw.checked_sub(1)? as u32))
    }

    /// The number to store, which is never 0.
    pub fn raw(self) -> u64 {
        u64::from(self.0) + 1
    }
}

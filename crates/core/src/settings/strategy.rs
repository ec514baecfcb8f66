//! The names of the close strategies; what each does is in [`crate::strategy`].
//!
//! Context: pure data.

/// What the close of a connection becomes (`SOFTCLOSE_STRATEGY`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// FIN, discard until the peer's FIN, close.
    Drain,
    /// FIN, wait for the peer's FIN without reading, close.
    Wait,
    /// Shut both directions, close.
    Both,
    /// `SO_LINGER{1,n}`, close.
    Linger,
    /// `SO_LINGER{1,0}`, close.
    Abort,
    /// Discard until the peer's FIN for a moment, then as [`Strategy::Drain`].
    PeerFirst,
    /// The program's own close; what it loses is counted.
    Observe,
}

/// All of them, in the order of their discriminants.
pub const STRATEGIES: [Strategy; 7] = [
    Strategy::Drain,
    Strategy::Wait,
    Strategy::Both,
    Strategy::Linger,
    Strategy::Abort,
    Strategy::PeerFirst,
    Strategy::Observe,
];

/// Their words, in the same order.
pub const WORDS: [&str; STRATEGIES.len()] = ["drain", "wait", "both", "linger", "abort", "peer-first", "observe"];

impl Strategy {
    /// The word for it in settings and logs.
    pub fn name(self) -> &'static str {
        WORDS.get(self as usize).copied().unwrap_or_default()
    }

    /// The strategy of that word.
    pub fn named(word: &str) -> Option<Self> {
        STRATEGIES.into_iter().find(|strategy| strategy.name() == word)
    }

    /// The strategy with this discriminant.
    pub fn from_index(index: u32) -> Option<Self> {
        STRATEGIES.get(index as usize).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_strategy_has_its_name_at_its_place() {
        for (at, strategy) in STRATEGIES.into_iter().enumerate() {
            assert_eq!(Strategy::from_index(at as u32), Some(strategy));
            assert_eq!(strategy as usize, at);
            assert_eq!(Strategy::named(strategy.name()), Some(strategy));
        }
        assert_eq!(Strategy::named("Drain"), None);
        assert_eq!(Strategy::from_index(7), None);
    }
}

//! The names of the strategies. What each strategy does is in [`crate::strategy`].
//!
//! Context: pure data.

/// What softclose does when a connection is closed (`SOFTCLOSE_STRATEGY`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Send a FIN, discard what arrives until the peer's FIN, close.
    Drain,
    /// Send a FIN, wait for the peer's FIN without reading, close.
    Wait,
    /// Shut down both directions, close.
    Both,
    /// Shut down both directions, close when the peer has acknowledged the FIN. The inline engine sets
    /// `SO_LINGER` to some seconds instead, and closes.
    Linger,
    /// Set `SO_LINGER` to 0 seconds, close: the connection is reset.
    Abort,
    /// Discard what arrives until the peer's FIN, for a moment; then as [`Strategy::Drain`].
    PeerFirst,
    /// Leave the close to the program, and count what it loses.
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

/// The words for them, in the same order.
pub const WORDS: [&str; STRATEGIES.len()] = ["drain", "wait", "both", "linger", "abort", "peer-first", "observe"];

impl Strategy {
    /// The word for the strategy in settings and logs.
    pub fn name(self) -> &'static str {
        WORDS.get(self as usize).copied().unwrap_or_default()
    }

    /// The strategy with this word.
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

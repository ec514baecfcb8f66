//! The ways to close that are compared: the native close, a strategy, or a recipe by hand.

use shim_tests::shim::Shim;
use shim_tests::victim::Victim;

/// Every strategy.
pub const STRATEGIES: [&str; 7] = ["drain", "wait", "both", "linger", "abort", "peer-first", "observe"];

/// One way to close, as a row of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Its name in the page.
    pub name: &'static str,
    /// The argument for `victims/goodbye.c`.
    recipe: &'static str,
    /// The strategy, if the shim is loaded.
    pub strategy: Option<&'static str>,
}

/// The close that everything is compared with.
pub const NATIVE: Subject = by_hand("native close", "close");

/// The recipes by hand, in a program without the shim.
pub const BY_HAND: [Subject; 7] = [
    by_hand("`SO_LINGER {0,0}`, close", "linger-off"),
    by_hand("`SO_LINGER {1,0}`, close", "linger-zero"),
    by_hand("`SO_LINGER {1,2}`, close", "linger"),
    by_hand("`SHUT_RDWR`, close", "shut-both"),
    by_hand("`SHUT_RDWR`, `select`, close", "shut-both-select"),
    by_hand("`SHUT_WR`, `select`, close", "shut-write-select"),
    by_hand("`SHUT_WR`, `recv` to the end, close", "shut-write-receive"),
];

/// How long a recipe by hand waits at most, in seconds.
pub const PATIENCE_S: u32 = 2;

const fn by_hand(name: &'static str, recipe: &'static str) -> Subject {
    Subject { name, recipe, strategy: None }
}

impl Subject {
    /// The close of a program under a strategy.
    pub const fn under(strategy: &'static str) -> Self {
        Self { name: strategy, recipe: "close", strategy: Some(strategy) }
    }

    /// The native close and every strategy.
    pub fn main() -> impl Iterator<Item = Self> {
        [NATIVE].into_iter().chain(STRATEGIES.map(Self::under))
    }

    /// The recipe by hand of this name.
    pub fn recipe(word: &str) -> Self {
        *BY_HAND.iter().find(|subject| subject.recipe == word).expect("a recipe of this page")
    }

    /// Whether it is a recipe other than a mere close.
    pub fn is_by_hand(&self) -> bool {
        self.recipe != "close"
    }

    /// The program, and whether the shim is loaded.
    pub fn victim(&self) -> (Victim, Shim) {
        let victim = Victim::c("goodbye").arg(self.recipe).arg(PATIENCE_S.to_string());
        match self.strategy {
            None => (victim, Shim::Native),
            Some(strategy) => (victim.env("SOFTCLOSE_STRATEGY", strategy), Shim::Preloaded),
        }
    }
}

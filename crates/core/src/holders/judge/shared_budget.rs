//! How long the looks for many connections may take together, where all of them end at the
//! same time.
//!
//! Context: hooks of any kind.

use crate::holders::ledger::Claim;
use crate::holders::standing::Doubt;
use crate::holders::standing::Standing;
use crate::sys::clock::ThreadTime;

/// A point in time after which no look begins.
#[derive(Clone, Copy, Debug)]
pub struct SharedLookBudget {
    until: ThreadTime,
}

impl SharedLookBudget {
    /// Without optimization the same looks take several times as long.
    const MICROSECONDS: u64 = if cfg!(debug_assertions) { 4 * 2000 } else { 2000 };

    /// From now on.
    pub fn begin() -> Self {
        Self { until: ThreadTime::after(Self::MICROSECONDS) }
    }

    /// Whether no further one begins.
    pub fn are_over(self) -> bool {
        self.until.is_over()
    }

    /// The claim as it stands, or as what no look can decide any more.
    pub fn limit(self, claim: Claim) -> Claim {
        let is_late = claim.standing == Standing::Doubtful && self.are_over();
        if is_late { Claim { standing: Standing::Unprovable(Doubt::LookBudget), ..claim } } else { claim }
    }
}

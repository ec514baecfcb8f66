//! How long all looks for connections that end at the same time may take together.
//!
//! Context: hooks of any kind.

use crate::holders::ledger::Claim;
use crate::holders::standing::Doubt;
use crate::holders::standing::Standing;
use crate::sys::clock::ThreadTime;

/// The moment after which no further look begins.
#[derive(Clone, Copy, Debug)]
pub struct SharedLookBudget {
    until: ThreadTime,
}

impl SharedLookBudget {
    /// Without optimization the same looks take several times as long.
    const MICROSECONDS: u64 = if cfg!(debug_assertions) { 4 * 2000 } else { 2000 };

    /// The whole budget, from now on.
    pub fn begin() -> Self {
        Self { until: ThreadTime::after(Self::MICROSECONDS) }
    }

    /// Whether it is spent: no further look begins.
    pub fn are_over(self) -> bool {
        self.until.is_over()
    }

    /// The claim as it stands; or, if a look would have to decide it and none begins any more, as unprovable.
    pub fn limit(self, claim: Claim) -> Claim {
        let is_late = claim.standing == Standing::Doubtful && self.are_over();
        if is_late { Claim { standing: Standing::Unprovable(Doubt::LookBudget), ..claim } } else { claim }
    }
}

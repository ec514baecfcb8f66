//! The memory that the processes of a family share: one mapping, a head and the slots behind it.
//!
//! The words that most closes read lie in one page with the first words of the bitmap. A fork child
//! that serves one connection touches three pages of the mapping.

use super::bitmap::{BITS, Bitmap};
use super::cells::Slot;
use super::channels::{Channels, SHARED};
use super::finishers::Finishers;
use super::records::{FamilyState, MEMBERS, Record};
use crate::sys::shared::Shared;
use crate::zeroed;

/// How many connections can be counted at once.
pub const SLOTS: usize = 1 << 18;

zeroed! {
    /// What lies before the slots.
    pub struct Head {
        pub(super) state: FamilyState,
        pub(super) taken: Bitmap<{ SLOTS / BITS }>,
        pub(super) records: [Record; MEMBERS],
        pub(in crate::holders::ledger) finishers: Finishers,
        pub(in crate::holders::ledger) channels: Channels<SHARED>,
    }
}

/// The memory of a family.
pub type FamilyMemory = Shared<Head, Slot>;

/// How many slots a family gets whose processes can each have `numbers` descriptors: enough for 16
/// such processes, in whole words of the bitmap, and [`SLOTS`] at most.
pub fn slots_for(numbers: usize) -> usize {
    const PROCESSES: usize = 16;
    numbers.saturating_mul(PROCESSES).min(SLOTS).next_multiple_of(BITS)
}

//! What a process still has to finish when it ends.

use super::kept_numbers::KeptNumbers;
use crate::leftovers::Leftovers;

/// What is to be finished, and what stays open meanwhile.
pub(super) struct ExitWork<'a> {
    /// What is waited for.
    pub left: Leftovers<'a>,
    /// Numbers that are not to be closed before the end.
    pub kept: KeptNumbers,
}

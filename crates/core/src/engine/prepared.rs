//! What has been prepared for one close, between the two calls of a hook.

use super::closing::InlineClose;
use crate::drain::hand_over::Reserved;

/// What has been prepared for one close.
#[must_use = "commit it after the program's own call, or abandon it"]
pub enum Prepared {
    /// The program's own close is all there is.
    Plain,
    /// A private duplicate is to be half-closed and drained.
    Held(Reserved),
    /// The same; the program has asked its call to wait for so many milliseconds.
    Lingering(Reserved, u32),
    /// A private duplicate is to be drained by the inline engine.
    Inline(Reserved, InlineClose),
}

impl Prepared {
    pub(super) fn reserved(&self) -> Option<&Reserved> {
        match self {
            Self::Plain => None,
            Self::Held(reserved) | Self::Lingering(reserved, _) | Self::Inline(reserved, _) => Some(reserved),
        }
    }

    /// Whether to commit it takes a while: then signals must not be held back meanwhile.
    pub fn waits(&self) -> bool {
        matches!(self, Self::Inline(..))
    }

    /// To be called if the program's own call has failed: nothing is held.
    pub fn abandon(self) {
        match self {
            Self::Plain => {}
            Self::Held(reserved) | Self::Lingering(reserved, _) | Self::Inline(reserved, _) => reserved.abandon(),
        }
    }
}

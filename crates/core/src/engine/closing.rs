//! What is known of a connection while it is being closed.

use crate::holders::ledger::{Claim, Owner};
use crate::settings::Strategy;
use crate::sys::Fd;
use crate::sys::socket::Role;

/// A connection that is being closed.
#[derive(Clone, Copy)]
pub(super) struct Closing<'a> {
    pub(super) owner: Owner<'a>,
    pub(super) fd: Fd,
    pub(super) claim: Claim,
    pub(super) strategy: Strategy,
    /// Whether all that was written has been acknowledged.
    pub(super) is_acknowledged: bool,
    /// For how many milliseconds the program has asked its close to wait (`SO_LINGER{1,n}`).
    pub(super) linger_ms: Option<u32>,
}

impl Closing<'_> {
    pub(super) fn role(self) -> Role {
        self.claim.entry.role
    }

    pub(super) fn inline(self) -> InlineClose {
        InlineClose { role: self.role(), strategy: self.strategy, linger_ms: self.linger_ms }
    }
}

/// What the inline engine needs to know while it waits inside the call that closes.
#[derive(Clone, Copy)]
pub struct InlineClose {
    pub(super) role: Role,
    pub(super) strategy: Strategy,
    pub(super) linger_ms: Option<u32>,
}

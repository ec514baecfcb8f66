//! Accepted connections, connected ones, or both.
//!
//! Context: pure data.

/// Which connections are closed gracefully (`SOFTCLOSE_ROLE`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RolePolicy {
    /// Accepted and connected ones.
    Both,
    /// Only connections that came from `accept(2)`.
    Accepted,
    /// Only connections that the program opened by `connect(2)`.
    Connected,
}

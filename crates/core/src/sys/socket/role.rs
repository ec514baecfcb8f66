//! Which side opened a connection.

/// Which side opened the connection; hooks see it, the kernel does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It came from `accept`, or was inherited.
    Accepted,
    /// The program called `connect`.
    Connected,
}

//! Which side opened a connection.

/// Which side opened a connection. The hooks see it; the kernel does not tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It came from `accept(2)`, or the process has inherited it.
    Accepted,
    /// The program called `connect(2)`.
    Connected,
}

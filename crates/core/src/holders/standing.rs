//! How good a claim to be the last holder of a connection is, and why nothing proves it.
//!
//! Context: plain values.

/// How good the claim of this process to be the last holder of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The counts say that no other holder is left, and nothing speaks against them.
    Last,
    /// The counts say that another holder is left.
    Shared,
    /// The counts cannot know: another source has to decide.
    Doubtful,
    /// No source but the kernel's own count can prove the claim, or none has.
    Unprovable(Doubt),
}

/// Why nothing proves that no other process has a connection (the reason `unsure`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// The connection was sent or received through `SCM_RIGHTS`, or taken by `pidfd_getfd`.
    Passed,
    /// The connection was open and not close-on-exec while another program was executed.
    Spawned,
    /// An epoll set may go on watching the connection, and this process cannot take it out of that set.
    Watched,
    /// The process can hold sockets in ways that nobody can see: a ring of `io_uring` that may do more than change
    /// epoll sets, a second table of descriptors.
    Blind,
    /// Not every process that may hold the connection can be seen: no procfs, `hidepid`, a pid namespace, another
    /// user.
    Unseen,
    /// A look at procfs has found another holder.
    Found,
    /// A look at procfs was not over within its budget.
    LookBudget,
    /// A search for the epoll sets that may watch the connection was not over within its budget.
    SetsBudget,
    /// The kernel tells no `SO_COOKIE` (before Linux 4.12, or gVisor): the connection could not be known again.
    NoCookie,
}

/// All doubts, in the order of their discriminants.
pub const DOUBTS: [(Doubt, &str); 9] = [
    (Doubt::Passed, "passed"),
    (Doubt::Spawned, "spawned"),
    (Doubt::Watched, "watched"),
    (Doubt::Blind, "blind"),
    (Doubt::Unseen, "unseen"),
    (Doubt::Found, "found"),
    (Doubt::LookBudget, "look-budget"),
    (Doubt::SetsBudget, "sets-budget"),
    (Doubt::NoCookie, "no-cookie"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_doubts_are_in_the_order_of_their_discriminants() {
        assert!(DOUBTS.iter().enumerate().all(|(at, (doubt, _))| *doubt as usize == at));
    }
}

//! How good a claim to be the last holder of a connection is, and why nothing proves it.
//!
//! Context: plain values.

/// How good our claim to be the last holder is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// The counts say that nobody is left, and nothing speaks against them.
    Last,
    /// The counts say that somebody is left.
    Shared,
    /// The counts cannot know; procfs has to say.
    Doubtful,
    /// Nothing can prove it, or nothing has.
    Unprovable(Doubt),
}

/// Why nothing proves that nobody else has a connection (the reason `unsure`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Doubt {
    /// It was sent or received through `SCM_RIGHTS`, or taken by `pidfd_getfd`.
    Passed,
    /// It was open and inheritable while another program was executed.
    Spawned,
    /// An epoll set may go on watching it that this process cannot take it out of.
    Watched,
    /// The process can hold sockets in ways that nobody can see: an `io_uring` that may do
    /// more than change epoll sets, a second table of descriptors.
    Blind,
    /// Not every process that may hold it can be seen: no procfs, hidepid, a pid namespace,
    /// another user.
    Unseen,
    /// Somebody else has it, as a look at procfs found.
    Found,
    /// A look at procfs was not over within its budget.
    LookBudget,
    /// A search for the epoll sets that may watch it was not over within its budget.
    SetsBudget,
}

/// All doubts, in the order of their discriminants.
pub const DOUBTS: [(Doubt, &str); 8] = [
    (Doubt::Passed, "passed"),
    (Doubt::Spawned, "spawned"),
    (Doubt::Watched, "watched"),
    (Doubt::Blind, "blind"),
    (Doubt::Unseen, "unseen"),
    (Doubt::Found, "found"),
    (Doubt::LookBudget, "look-budget"),
    (Doubt::SetsBudget, "sets-budget"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_doubt_has_its_name_at_its_place() {
        assert!(DOUBTS.iter().enumerate().all(|(at, (doubt, _))| *doubt as usize == at));
    }
}

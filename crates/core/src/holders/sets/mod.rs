//! The epoll sets of this process, and which of them watch what.
//!
//! | question | file |
//! |---|---|
//! | Which numbers are epoll sets, or may be? | [`table`], in [`block`]s of 64 numbers |
//! | How are sets found that no hook has seen? | [`search`] |
//! | Which sets watch one number? | [`membership`] |

pub mod block;
pub mod membership;
pub mod search;
pub mod table;
#[cfg(test)]
mod tests;

//! Rings of `io_uring`, and whether they are harmless.
//!
//! A pending request holds the connection that it is for, and a half-close would cut the request
//! off. But libuv has a ring in every program that only ever changes epoll sets. So a ring is
//! *harmless* as long as everything that was ever submitted to it is known to be either
//! `EPOLL_CTL`, which says who watches what as `epoll_ctl(2)` does, or `NOP`. Anything else makes
//! the process blind for ever (`blindness.rs`).
//!
//! - A hook looks at what is submitted through `syscall()` before the call ([`Owner::submitting`]).
//! - The kernel says how many requests it has taken. At each release of a connection that number is
//!   compared with how many were looked at, and what is queued is looked at too. So a raw system
//!   call, or another process that has the ring, is noticed.
//! - A ring that cannot be followed is not harmless: one with flags that are not known here, one
//!   more than there is room for, a duplicate, one with anything registered.
//! - A fork child is blind as long as it has a ring of its parent's: through that ring both can
//!   submit requests for connections that both have. The parent is not blind: whatever the child
//!   submits is taken from the same queue, and counted there.
//! - A ring that no hook has seen is looked for among the descriptor numbers, by the search for
//!   epoll sets ([`crate::holders::watch`]), from the first known ring on. Before that, the kernel
//!   is asked whether the thread has ever had a ring ([`crate::sys::ring`]).
//!
//! Assumption: nobody else writes to a queue between our look and the kernel's. A ring belongs to
//! one thread, as its queues have no lock.
//!
//! Context: hooks of any kind; lock-free.
//!
//! [`Owner::submitting`]: super::Owner::submitting

mod ring_life;
pub mod submission;

pub use submission::Submission;

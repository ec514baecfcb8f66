//! Who holds a connection, who watches it, who is using it: what has to be known before it is
//! half-closed. `docs/holders.md` is the design.
//!
//! | question | file | answers by |
//! |---|---|---|
//! | who holds it? | [`ledger`] | counts, in memory that a program shares with those that it makes |
//! | | [`refs`] | the kernel's own count of references, where root has installed it |
//! | | [`judge`] | a look at procfs |
//! | who watches it? | [`watch`] | leaving every epoll set that may |
//! | who is using it? | [`calls`] | what each thread is at |
//!
//! The first that can decides: `engine/proof.rs` has the order. Nobody knows is an answer, too:
//! then the close is the program's own.

pub mod calls;
pub mod judge;
pub mod ledger;
pub mod refs;
pub mod sets;
pub mod standing;
pub mod watch;

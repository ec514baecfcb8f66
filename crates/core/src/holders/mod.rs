//! Who else holds a connection, which epoll sets watch it, which threads are using it: what has to be
//! known before softclose half-closes it. `docs/holders.md` is the design.
//!
//! "Who else holds this socket?" is answered by the first source that can (`engine/proof.rs`):
//!
//! 1. The [`ledger`] counts the descriptors of every process, in memory that a program shares with its
//!    fork children and with the programs that they execute. Where something happened that no count
//!    covers, the connection is marked, and the next sources are asked.
//! 2. [`refs`]: the kernel's own count of references, if root has installed it.
//! 3. The [`judge`] looks for the socket in `/proc/PID/fd` of every process.
//! 4. Where none of them can tell, the close is the program's own ([`standing::Doubt`] says why).
//!
//! Then [`watch`] takes the connection out of every epoll set that may watch it ([`sets`] knows which),
//! and [`calls`] tells which threads are blocked in a call on it.

pub mod calls;
pub mod judge;
pub mod ledger;
pub mod refs;
pub mod sets;
pub mod standing;
pub mod watch;

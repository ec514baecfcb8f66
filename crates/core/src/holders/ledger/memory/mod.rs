//! What lies in the memory that the processes of a family share.
//!
//! All of it is atomics, and all zeroes is its empty state. Any process that has the memory may
//! write anything there, so nothing that is read may panic, overflow or loop for ever.
//!
//! | what | file |
//! |---|---|
//! | the mapping as a whole | [`family_memory`] |
//! | the processes, by [`token`] | [`family`], [`records`] |
//! | the connections: a slot each | [`descriptions`], [`bitmap`] (which slots are taken) |
//! | who holds one connection | [`cells`], [`marks`] |
//! | pairs of unix sockets | [`channels`] |
//! | the finishers of the family | [`finishers`] |
//!
//! Context: hooks of any kind; lock-free.

pub mod bitmap;
pub mod cells;
pub mod channels;
pub mod descriptions;
pub mod family;
pub mod family_memory;
pub mod finishers;
mod liveness;
pub mod marks;
pub mod records;
pub mod token;

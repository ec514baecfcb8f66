//! The table of held sockets, in memory that the hooks and the drainer share.
//!
//! | file | one idea |
//! |---|---|
//! | [`place`] | the index of a held socket in the table, and links from place to place |
//! | [`free_list`] | the places that are free |
//! | [`inbox`] | the places that hooks have offered to the drainer |
//! | [`flags`] | what is true of one held socket, a bit each |
//! | [`held_socket`] | one held socket |
//! | [`held_sockets`] | the table: a place is claimed, offered, freed |
//! | [`number_owners`] | which place a private descriptor number belongs to |
//! | [`queue`] | held sockets in an order |

pub mod flags;
pub mod free_list;
pub mod held_socket;
pub mod held_sockets;
pub mod inbox;
pub mod number_owners;
pub mod place;
pub mod queue;

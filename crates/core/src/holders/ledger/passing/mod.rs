//! Connections that go from one process to another in messages, or come from outside of the
//! lineage.
//!
//! | what | file |
//! |---|---|
//! | descriptors in messages (`SCM_RIGHTS`) | [`messages`] |
//! | the pairs of unix sockets on which such messages are counted | `process_channels` |
//! | connections that nobody of the lineage has counted | `foreign` |

mod foreign;
pub mod messages;
mod process_channels;
